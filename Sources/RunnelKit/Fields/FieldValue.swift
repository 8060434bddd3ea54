/// A type that can stand behind a ``Field``: one declaration says how it is read and what its JSON schema is.
public protocol FieldValue: Sendable {
    /// The JSON schema (2020-12) of the values that ``init(field:)`` accepts.
    static var schema: Value { get }
    /// Reads the value. A null is read like any other value; throw ``FieldError/expected(_:found:)`` for it unless
    /// ``schema`` admits it.
    init(field value: Value) throws(FieldError)
    /// Everything that is wrong with the value as it stands in a file, each with its place in it. Unless a type says
    /// otherwise, empty where ``init(field:)`` accepts it.
    static func problems(in value: Value) -> [FieldError]
    /// How the value is shown as a default in schemas and references; nil where it cannot be shown.
    var fieldDefault: Value? { get }
    /// Whether the key may be left out although it has no default.
    static var isOptional: Bool { get }
    /// The value of a key that was left out; nil when the key is required.
    static var whenAbsent: Self? { get }
}

extension FieldValue {
    /// What ``init(field:)`` throws.
    public static func problems(in value: Value) -> [FieldError] { errors(reading: value) }

    /// What ``init(field:)`` throws, for a type whose `problems(in:)` looks for more.
    public static func errors(reading value: Value) -> [FieldError] {
        do throws(FieldError) {
            _ = try Self(field: value)
            return []
        } catch {
            return [error.classified(by: value)]
        }
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { nil }
    /// Whether the key may be left out: where ``whenAbsent`` has a value.
    public static var isOptional: Bool { whenAbsent != nil }
    /// The value of a key that was left out; nil when the key is required.
    public static var whenAbsent: Self? { nil }
}

extension String: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string"] }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a string", found: value) }
        self = text
    }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(self) }
}

extension Bool: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "boolean"] }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let flag = value.asBool else { throw .expected("true or false", found: value) }
        self = flag
    }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .bool(self) }
}

extension Int: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "integer"] }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let whole = value.asInt, let number = Int(exactly: whole) else {
            throw .expected("a whole number", found: value)
        }
        self = number
    }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .int(Int64(self)) }
}

extension Double: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "number"] }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let number = value.asDouble else { throw .expected("a number", found: value) }
        self = number
    }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .double(self) }
}

extension Value: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { true }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) { self = value }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { self }
}

extension ValueObject: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "object"] }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let object = value.asObject else { throw .expected("an object", found: value) }
        self = object
    }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .object(self) }
}

extension Optional: FieldValue where Wrapped: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { Wrapped.schema }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        self = try Wrapped(field: value)
    }
    /// What the wrapped type says.
    public static func problems(in value: Value) -> [FieldError] { Wrapped.problems(in: value) }
    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { self?.fieldDefault }
    /// The value of a key that was left out; nil when the key is required.
    public static var whenAbsent: Wrapped?? { .some(nil) }
}

extension Array: FieldValue where Element: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "array", "items": Element.schema] }
    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let items = value.asList else { throw Self.noList(value) }
        self = []
        for (index, item) in items.enumerated() {
            do {
                append(try Element(field: item))
            } catch {
                throw error.under(.index(index))
            }
        }
    }
    /// The problems of all items.
    public static func problems(in value: Value) -> [FieldError] {
        guard let items = value.asList else { return [Self.noList(value)] }
        return items.enumerated().flatMap { index, item in
            Element.problems(in: item).map { $0.under(.index(index)) }
        }
    }
    /// Says how a single item could have been meant.
    private static func noList(_ value: Value) -> FieldError {
        var error = FieldError.expected("a list", found: value)
        let isItem =
            value.asObject == nil && !value.isNull && !SensitiveValue.isSchema(Element.schema)
            && Element.problems(in: value).isEmpty
        if isItem { error.form = "[\(value.json())]" }
        return error
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? {
        let items = compactMap(\.fieldDefault)
        return items.count == count ? .list(items) : nil
    }
}

/// A field that takes one of a few words. Conform a `String` enumeration to it:
///
///     enum Format: String, FieldChoice { case text, json, csv }
public protocol FieldChoice: FieldValue, CaseIterable, RawRepresentable where RawValue == String {
    /// Words of other tools, in lower case, with the case that is suggested for each: `["txt": .text]`. None unless a type
    /// says otherwise.
    static var otherNames: [String: Self] { get }
}

extension FieldChoice {
    /// None.
    public static var otherNames: [String: Self] { [:] }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["enum": .list(allCases.map { .string($0.rawValue) })] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let choice = value.asString.flatMap(Self.init(rawValue:)) else { throw Self.unknown(value) }
        self = choice
    }

    /// The error for a value that is no case.
    private static func unknown(_ value: Value) -> FieldError {
        let words = Self.allCases.map(\.rawValue)
        var error = FieldError.expected("one of \(words.map { "\"\($0)\"" }.joined(separator: ", "))", found: value)
        error.hint = value.asString.flatMap { word in
            otherNames[word.lowercased()]?.rawValue ?? Suggestion.closest(to: word, among: words)
        }.map { "did you mean \"\($0)\"?" }
        return error
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(rawValue) }
}

extension Dictionary: FieldValue where Key == String, Value: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: RunnelKit.Value { ["type": "object", "additionalProperties": Value.schema] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: RunnelKit.Value) throws(FieldError) {
        guard let object = value.asObject else { throw .expected("names and values", found: value) }
        self = [:]
        for (key, member) in object {
            do {
                self[key] = try Value(field: member)
            } catch {
                throw error.under(.key(key))
            }
        }
    }

    /// The problems of all members.
    public static func problems(in value: RunnelKit.Value) -> [FieldError] {
        guard let object = value.asObject else { return [.expected("names and values", found: value)] }
        return object.flatMap { key, member in Value.problems(in: member).map { $0.under(.key(key)) } }
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: RunnelKit.Value? { isEmpty ? [:] : nil }
}

/// A place inside a document, such as `/data/id`. As a setting it names a value, so it is not the whole document.
extension JSONPointer: FieldValue {
    /// A string of one or more reference tokens (RFC 6901).
    public static var schema: Value {
        ["type": "string", "pattern": "^(/([^~/]|~[01])*)+$", "examples": ["/data/id"]]
    }

    /// - Throws: A ``FieldError`` for anything but a pointer with at least one token.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let pointer = JSONPointer(text), !pointer.tokens.isEmpty else {
            throw .expected("a JSON pointer such as \"/id\" or \"/data/id\"", found: value)
        }
        self = pointer
    }
}

extension Duration: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        [
            "type": "string", "pattern": #"^([0-9]+(\.[0-9]+)?(ms|us|ns|s|m|h|d))+$"#,
            "examples": ["500ms", "2s", "1h30m"],
        ]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let duration = DurationText.parse(text) else {
            throw .expected("a duration such as \"500ms\", \"2s\" or \"1h30m\"", found: value)
        }
        self = duration
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(DurationText.format(self)) }
}
