internal import RunnelValue

/// How the API's messages are read: deployments differ in the types of their fields, and a string may end inside a
/// character, see ``JSONOptions/isLenient``.
extension Value {
    /// Reads what a server sent.
    static func received(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> Value {
        var options = JSONOptions()
        options.maxDepth = 64
        options.maxValues = 1 << 20
        options.isLenient = true
        return try json(bytes, options)
    }

    /// The first of the names whose value is there and not null.
    func first(of names: String...) -> Value? {
        first(of: names)
    }

    func first(of names: [String]) -> Value? {
        names.lazy.compactMap { self[$0] }.first { !$0.isNull }
    }

    var string: String? {
        if case .bytes(let bytes) = self { TextJoiner.repaired(bytes) } else { asString }
    }

    /// Whether it says nothing: null, false, or empty.
    var isNothing: Bool {
        switch self {
        case .null, .bool(false), .string(""): true
        case .list(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        case .bool, .int, .double, .string, .bytes: false
        }
    }

    /// Whether it stands in the place of an error and reports none: nothing, 0, or an object of such members.
    var isNoError: Bool {
        switch self {
        case .int(0), .double(0): true
        case .object(let members): members.allSatisfy { $0.value.isNoError }
        default: isNothing
        }
    }

    /// A string, number or boolean as text.
    var scalarText: String? {
        switch self {
        case .string, .bytes: string
        case .int, .double: integer.map(String.init) ?? json()
        case .bool: json()
        case .null, .list, .object: nil
        }
    }

    /// A finite number, also when it was written as a string.
    var number: Double? {
        guard let number = asDouble ?? asString.flatMap(Double.init), number.isFinite else { return nil }
        return number
    }

    /// A whole number that fits, also when it was written as a string or with an empty fraction.
    var integer: Int64? {
        asInt ?? asString.flatMap { Int64($0) ?? Double($0).flatMap { Int64(exactly: $0) } }
    }

    var isObject: Bool { asObject != nil }
}
