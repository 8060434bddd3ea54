internal import RunnelValue

extension Value {
    /// Reads the body of a request or a schema.
    static func received(_ text: String) throws(JSONError) -> Value {
        var options = JSONOptions()
        options.maxDepth = 100
        options.maxValues = 500_000
        // A number beyond all ranges is a bound that nothing keeps to, and no error.
        options.isLenient = true
        return try json(text, options)
    }

    /// A number without a fraction that fits 32 bits, as counts do.
    var count: Int? {
        asDouble.flatMap { Int32(exactly: $0) }.map(Int.init)
    }

    /// The name that an error message uses, in JSON's own words.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int, .double: "a number"
        case .string, .bytes: "a string"
        case .list: "an array"
        case .object: "an object"
        }
    }
}
