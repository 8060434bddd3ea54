/// A piece of data that flows through a pipeline: what JSON can say, plus exact 64-bit integers and binary data.
///
/// Objects keep the order in which their keys were written. Equality and hashing ignore that order, and treat an
/// integer and a floating-point number of the same value as equal, as a person comparing two documents would.
public enum Value: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    /// Bytes that are not text. JSON shows them as a base64 string.
    case bytes([UInt8])
    case list([Value])
    case object(ValueObject)
}

extension Value: Equatable {
    /// Whether both stand for the same JSON: 1 equals 1.0, and the order of keys does not matter.
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.int(let whole), .double(let real)), (.double(let real), .int(let whole)): Int64(exactly: real) == whole
        case (.string(let left), .string(let right)): left == right
        case (.bytes(let left), .bytes(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension Value: Hashable {
    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(value)
        case .double(let value):
            if let whole = Int64(exactly: value) { hasher.combine(whole) } else { hasher.combine(value) }
        case .string(let value): hasher.combine(value)
        case .bytes(let value): hasher.combine(value)
        case .list(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value)
        }
    }
}

// Not by `nil`: where a `Value?` is expected, that would be a present null as easily as no value at all.
extension Value: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// ``bool(_:)``
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// ``int(_:)``
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// ``double(_:)``
    public init(floatLiteral value: Double) { self = .double(value) }
    /// ``string(_:)``
    public init(stringLiteral value: String) { self = .string(value) }
    /// ``list(_:)``
    public init(arrayLiteral elements: Value...) { self = .list(elements) }
    /// ``object(_:)``
    public init(dictionaryLiteral elements: (String, Value)...) { self = .object(ValueObject(elements)) }
}
