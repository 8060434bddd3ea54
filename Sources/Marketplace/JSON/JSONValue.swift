/// A JSON document, as the API's rarer messages are read.
///
/// Numbers keep their text, so that an identifier or a time in milliseconds loses no digit.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    /// A string that is not well-formed by itself: at one of its ends, part of a character may be missing.
    case illFormed([UInt8])
    case array([JSONValue])
    case object([Member])

    struct Member: Equatable, Sendable {
        var name: String
        var value: JSONValue
    }

    /// The member of that name; the last one when the name is repeated, `nil` when it is absent or this is no object.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The first of the names whose value is there and not null.
    func first(of names: String...) -> JSONValue? {
        first(of: names)
    }

    func first(of names: [String]) -> JSONValue? {
        for name in names {
            if let value = self[name], value != .null { return value }
        }
        return nil
    }

    var string: String? {
        switch self {
        case .string(let string): string
        case .illFormed(let bytes): TextJoiner.repaired(bytes)
        case .null, .bool, .number, .array, .object: nil
        }
    }

    /// Whether it says nothing: null, false, or empty.
    var isNothing: Bool {
        switch self {
        case .null, .bool(false), .string(""): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        case .bool, .number, .string, .illFormed: false
        }
    }

    /// A string, or a number or boolean as it was written: for fields whose type differs between deployments.
    var text: String? {
        switch self {
        case .string, .illFormed: string
        case .number(let digits): digits
        case .bool(let bool): bool ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// A finite number, also when it was written as a string.
    var double: Double? {
        guard let text, case .some(let value) = Double(text), value.isFinite else { return nil }
        if case .bool = self { return nil }
        return value
    }

    /// A whole number that fits, also when it was written as a string or with an empty fraction.
    var integer: Int64? {
        switch self {
        case .number(let text), .string(let text): Int64(text) ?? Double(text).flatMap { Int64(exactly: $0) }
        case .null, .bool, .illFormed, .array, .object: nil
        }
    }

    var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    var isObject: Bool {
        if case .object = self { true } else { false }
    }
}
