/// A piece of data that flows through a pipeline: what JSON can say, plus exact 64-bit integers and binary data.
///
/// Objects keep the order in which their keys were written. Equality and hashing ignore that order, and treat an
/// integer and a floating-point number of the same value as equal, as a person comparing two documents would.
public enum Value: Sendable {
    /// JSON's `null`.
    case null
    /// True or false.
    case bool(Bool)
    /// A whole number of 64 bits.
    case int(Int64)
    /// A floating-point number. JSON has no infinity and no NaN.
    case double(Double)
    /// A text.
    case string(String)
    /// Bytes that are not text. JSON shows them as a base64 string.
    case bytes([UInt8])
    /// A list of values.
    case list([Value])
    /// Values by key, in the order in which they were written.
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

extension Value {
    /// Whether it is null.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }
    /// The flag; nil for a value of another kind.
    public var asBool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }
    /// The integer, also of a floating-point number that is whole and fits 64 bits.
    public var asInt: Int64? {
        switch self {
        case .int(let value): value
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }
    /// The number as a double; an integer beyond 2^53 is rounded.
    public var asDouble: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
    /// The text; nil for a value of another kind.
    public var asString: String? {
        if case .string(let value) = self { value } else { nil }
    }
    /// The bytes; nil for a value of another kind.
    public var asBytes: [UInt8]? {
        if case .bytes(let value) = self { value } else { nil }
    }
    /// The items; nil for a value of another kind.
    public var asList: [Value]? {
        if case .list(let value) = self { value } else { nil }
    }
    /// The members; nil for a value of another kind.
    public var asObject: ValueObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The member `key` of an object; nil for a missing key and for anything that is not an object.
    public subscript(key: String) -> Value? {
        asObject?[key]
    }

    /// The element at `index` of a list; nil outside its bounds and for anything that is not a list.
    public subscript(index: Int) -> Value? {
        guard let list = asList, list.indices.contains(index) else { return nil }
        return list[index]
    }

    /// What a condition makes of the value: false for null, false, 0, "", [] and {}; true for anything else.
    public var isTruthy: Bool {
        switch self {
        case .null: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .string(let value): !value.isEmpty
        case .bytes(let value): !value.isEmpty
        case .list(let value): !value.isEmpty
        case .object(let value): !value.isEmpty
        }
    }

    /// The kind of the value in words for a message: "a string", "a list", "null", …
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .int: "a whole number"
        case .double: "a number"
        case .string: "a string"
        case .bytes: "binary data"
        case .list: "a list"
        case .object: "an object"
        }
    }

    /// The value as text: a string as it is, anything else as compact JSON.
    public var text: String {
        if case .string(let value) = self { value } else { json() }
    }

    /// The value in a message: compact JSON, cut after `limit` characters. Only where it was cut, there is an ellipsis.
    public func quoted(limit: Int = 60) -> String {
        String(json().prefix(limit + 1)).replacing("…", with: #"\u2026"#).truncated(to: limit)
    }
}

extension String {
    /// The text, or its beginning with an ellipsis, in at most `limit` characters. A text with secrets is masked before.
    package func truncated(to limit: Int) -> String { count <= limit ? self : prefix(limit - 1) + "…" }
}

extension Value {
    /// Whether this number is less than the other; nil if one of them is not a number. It is exact also for integers
    /// that no double represents.
    package func isLess(than other: Value) -> Bool? {
        switch (self, other) {
        case (.int(let left), .int(let right)): left < right
        case (.double(let left), .double(let right)): left < right
        // Rounding to a double keeps the order, so only equal doubles are compared as integers. One that is not an
        // integer of 64 bits is 2^63 then.
        case (.int(let whole), .double(let real)):
            Double(whole) == real ? Int64(exactly: real).map { whole < $0 } ?? true : Double(whole) < real
        case (.double(let real), .int(let whole)):
            Double(whole) == real ? Int64(exactly: real).map { $0 < whole } ?? false : real < Double(whole)
        default: nil
        }
    }

    /// The value as the second half of "expected …, found …": its kind, and what it is where that fits a line.
    package var foundText: String {
        switch self {
        case .null, .bytes: kindName
        case .bool(let value): "\(value)"
        case .int, .double: "the number \(json())"
        case .string(let text):
            // One too long for the line is not cut: half a secret could not be masked any more.
            json().count <= 60 ? json() : "a string of \(text.count) characters"
        case .list(let items): items.isEmpty ? "an empty list" : "a list"
        case .object(let members): members.isEmpty ? "an empty object" : "an object"
        }
    }
}
