/// What is wrong with the value of a field, said without its name and place: whoever reads the field adds them.
public struct FieldError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A sentence such as `expected a duration such as "500ms" or "2m", found "5 parsecs"`.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// The keys and indices that lead from the field to the offending value.
    public var path: [PathElement]
    /// Where in the offending string, in bytes of UTF-8, when that is known.
    public var utf8Offset: Int?
    /// A code of its own, stable and in kebab case; nil where the place has one: `bad-with` for a step, `wrong-value`
    /// for a file. An error about a null has `empty-value`.
    public var code: String?
    /// How the value could have been meant, where an object was expected: `{ attempts: 3 }`.
    package var form: String?

    /// A step into a value.
    public enum PathElement: Sendable, Hashable {
        /// The value of a key of an object.
        case key(String)
        /// An item of a list, counted from 0.
        case index(Int)
    }

    /// An error; see the properties.
    public init(
        _ message: String, hint: String? = nil, path: [PathElement] = [], utf8Offset: Int? = nil,
        code: (any ErrorCode)? = nil
    ) {
        self.message = message
        self.hint = hint
        self.path = path
        self.utf8Offset = utf8Offset
        self.code = code?.rawValue
    }

    /// What was found by a check that steps make too: its message, hint and code.
    public init(_ error: StepError, path: [PathElement] = []) {
        self.init(error.message, hint: error.hint, path: path)
        code = error.code
    }

    /// An error for a value of the wrong kind.
    public static func expected(_ what: String, found value: Value) -> FieldError {
        FieldError("expected \(what), found \(value.foundText)").classified(by: value)
    }

    /// A warning about a key that is given and has no effect.
    ///
    /// - Parameters:
    ///   - key: The key that has no effect.
    ///   - setting: Why it has none, as it is written: `after: keep`.
    ///   - choices: What would give it an effect, as it is written: `after: move`.
    public static func noEffect(of key: String, with setting: String, unless choices: String...) -> FieldError {
        let advice = choices.map { "`\($0)`" }.joined(separator: " or ")
        return FieldError(
            "it has no effect with `\(setting)`",
            hint: choices.isEmpty ? "leave it out" : "write \(advice), or leave it out", path: [.key(key)])
    }

    /// The path as it is written in messages: `headers.accept`, `messages[0].content`; empty for the value as a whole.
    public var place: String {
        path.reduce(into: "") { text, element in
            switch element {
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            case .index(let index): text += "[\(index)]"
            }
        }
    }

    /// The whole of it in one line, with the field's place and the hint.
    public var description: String {
        let words = path.isEmpty ? message : "`\(place)`: \(message)"
        return hint.map { "\(words); \($0)" } ?? words
    }

    /// The same error with the code `empty-value` if it is about a null, whatever words the field's type has for it.
    ///
    /// - Parameter value: What was read, where the error's path begins.
    func classified(by value: Value) -> FieldError {
        guard code == nil, value.value(at: path)?.isNull == true else { return self }
        var copy = self
        copy.code = StepErrorCode.emptyValue.rawValue
        return copy
    }

    /// The same error, seen from one level further out.
    public func under(_ element: PathElement) -> FieldError {
        var copy = self
        copy.path.insert(element, at: 0)
        return copy
    }
}

extension Value {
    /// The value that `path` leads to; nil where there is none.
    public func value(at path: some Sequence<FieldError.PathElement>) -> Value? {
        path.reduce(self as Value?) { found, element in
            switch element {
            case .key(let key): found?[key]
            case .index(let index): found?[index]
            }
        }
    }
}
