import RunnelKit

/// A keyword where it stands in a schema, about to be compiled.
struct KeywordSite {
    let name: String
    let value: Value
    /// The schema it stands in.
    let schema: ValueObject
    /// The place of that schema.
    let location: SchemaLocation
    let resource: ResourceID
    let dialect: Dialect
    let document: String?

    /// An error at the keyword, or at `tokens` inside it.
    func error(
        _ message: String, at tokens: [String] = [], code: SchemaError.Code = .keyword, hint: String? = nil
    ) -> SchemaError {
        SchemaError(
            code: code, pointer: JSONPointer.text(location.tokens + [name] + tokens), document: document,
            message: message, hint: hint)
    }

    /// The error of a value that should have been `expected`.
    func mismatch(_ expected: String, found: Value, at tokens: [String] = []) -> SchemaError {
        let found = Wording.found(Instance(value: found, isContentKnown: true))
        return error("\"\(name)\" must be \(expected), found \(found)", at: tokens)
    }

    // MARK: - Reading the value

    func string() throws(SchemaError) -> String {
        guard let text = value.asString else { throw mismatch("a string", found: value) }
        return text
    }

    func bool() throws(SchemaError) -> Bool {
        guard let flag = value.asBool else { throw mismatch("true or false", found: value) }
        return flag
    }

    func number() throws(SchemaError) -> Number {
        guard let number = Number(value) else { throw mismatch("a number", found: value) }
        return number
    }

    func count() throws(SchemaError) -> Int {
        guard let whole = value.asInt, whole >= 0 else {
            // A bound beyond 64 bits is no bound.
            if case .double(let real) = value, real > 0, real.rounded() == real { return Int.max }
            throw mismatch("a whole number from 0", found: value)
        }
        return Int(clamping: whole)
    }

    func list() throws(SchemaError) -> [Value] {
        guard let list = value.asList else { throw mismatch("a list", found: value) }
        return list
    }

    func object() throws(SchemaError) -> ValueObject {
        guard let object = value.asObject else { throw mismatch("an object", found: value) }
        return object
    }

    func strings() throws(SchemaError) -> [String] {
        try strings(value, at: [])
    }

    func strings(_ value: Value, at tokens: [String]) throws(SchemaError) -> [String] {
        guard let list = value.asList else { throw mismatch("a list of strings", found: value, at: tokens) }
        var strings: [String] = []
        for (index, item) in list.enumerated() {
            guard let text = item.asString else {
                throw mismatch("a list of strings", found: item, at: tokens + [String(index)])
            }
            strings.append(text)
        }
        return strings
    }
}
