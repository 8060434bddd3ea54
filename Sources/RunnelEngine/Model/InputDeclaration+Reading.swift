public import RunnelKit

extension InputDeclaration {
    /// The reason why a value does not match this input, without its name; nil if it matches.
    public func problem(with value: Value) -> String? {
        if value.isNull, takesNull { return nil }
        let fits =
            switch (kind, value) {
            case (.string, .string), (.boolean, .bool), (.list, .list), (.object, .object): true
            case (.number, _): value.asDouble != nil
            case (.integer, _): value.asInt != nil
            default: false
            }
        guard fits else { return "expected \(kind.words), found \(value.quoted())" }
        guard let choices, !choices.contains(value) else { return nil }
        let hint = value.asString.flatMap { Suggestion.hint(for: $0, among: choices.compactMap(\.asString)) }
        return "\(value.quoted()) is not one of \(choices.map { $0.quoted() }.joined(separator: ", "))"
            + (hint.map { "; \($0)" } ?? "")
    }

    /// Converts a valid value to the declared type: `5.0` and `1e3` become integers for the type `integer`.
    public func typed(_ value: Value) -> Value {
        guard kind == .integer, let number = value.asInt else { return value }
        return .int(number)
    }

    /// Parses a value of `--input name=`: text unchanged, other types as JSON.
    public func read(_ text: String) -> Result<Value, InputError> {
        if kind == .string { return check(.string(text)) }
        do {
            let value = try Value.json(text)
            // A number is quoted as it was typed: 99999999999999999999, not 1e+20.
            let isOther = value.asDouble != nil && value.json() != text
            return isOther && problem(with: value) != nil ? check(.string(text)) : check(value)
        } catch {
            let result = check(.string(text))
            guard case .failure(let problem) = result, [.list, .object].contains(kind) else { return result }
            return .failure(InputError(message: "\(problem.message) (column \(error.column): \(error.message))"))
        }
    }

    /// Parses a JSON value: null, lists and objects unchanged, anything else by its text.
    func read(json value: Value) -> Result<Value, InputError> {
        switch value {
        case .null, .list, .object: check(value)
        default: read(value.text)
        }
    }

    /// The value of an input that is not given; nil for a required one.
    var absentValue: Value? { defaultValue ?? (isRequired ? nil : .null) }

    private func check(_ value: Value) -> Result<Value, InputError> {
        if let problem = problem(with: value) {
            return .failure(InputError(message: "the input \"\(name)\": \(problem)"))
        }
        return .success(typed(value))
    }
}

/// The error for inputs that do not match the pipeline's declarations.
public struct InputError: Error, Sendable, Hashable {
    package let message: String
}

extension Pipeline {
    /// The values of all inputs: the given ones, and defaults for the others.
    ///
    /// - Parameter given: The inputs as typed, in order.
    /// - Throws: The first error, with a hint.
    public func inputValues(_ given: [(name: String, text: String)]) throws(InputError) -> ValueObject {
        try inputValues(given.map { ($0.name, .string($0.text)) }) { "; add `--input \($0)=…`" }
    }

    /// The same from JSON. An input given as null is null, not its default.
    public func inputValues(json given: ValueObject) throws(InputError) -> ValueObject {
        try inputValues(given.map { ($0.key, $0.value) }) { _ in "" }
    }

    /// - Parameter advice: What to do about a missing input.
    private func inputValues(
        _ given: [(String, Value)], advice: (String) -> String
    ) throws(InputError) -> ValueObject {
        var values = try read(given)
        for declaration in inputs where values[declaration.name] == nil {
            guard let value = declaration.absentValue else {
                throw InputError(
                    message: "the input \"\(declaration.name)\" is required\(advice(declaration.name))")
            }
            values[declaration.name] = value
        }
        return values
    }

    /// The values of the given inputs alone, such as to change those of another run.
    public func changedInputs(_ given: [(name: String, text: String)]) throws(InputError) -> ValueObject {
        try read(given.map { ($0.name, .string($0.text)) })
    }

    private func read(_ given: [(String, Value)]) throws(InputError) -> ValueObject {
        var values = ValueObject()
        for (name, value) in given {
            guard let declaration = inputs.first(where: { $0.name == name }) else {
                let hint = Suggestion.hint(for: name, among: inputs.map(\.name))
                let known = inputs.isEmpty ? "it has no inputs" : "it has \(inputs.map(\.name).joined(separator: ", "))"
                throw InputError(
                    message: "the pipeline \"\(self.name)\" has no input \"\(name)\"; \(hint ?? known)")
            }
            guard values[name] == nil else { throw InputError(message: "the input \"\(name)\" is given twice") }
            values[name] = try declaration.read(json: value).get()
        }
        return values
    }
}

extension InputDeclaration.Kind {
    /// What JSON Schema, programming languages and other tools call the types.
    public static let otherNames: [String: Self] = [
        "array": .list, "sequence": .list, "tuple": .list,
        "dict": .object, "dictionary": .object, "map": .object, "mapping": .object, "record": .object,
        "choice": .string, "password": .string, "str": .string, "text": .string,
        "decimal": .number, "double": .number, "float": .number,
        "int": .integer, "int64": .integer, "long": .integer,
        "bool": .boolean, "flag": .boolean,
    ]

    var words: String {
        switch self {
        case .string: "a string"
        case .number: "a number"
        case .integer: "a whole number"
        case .boolean: "true or false"
        case .list: "a list in JSON"
        case .object: "an object in JSON"
        }
    }
}
