/// A type that can stand behind a ``Field``: one declaration says how it is read and what its JSON schema is.
public protocol FieldValue: Sendable {
    /// The JSON schema (2020-12) of the values that ``init(field:)`` accepts.
    static var schema: Value { get }
    /// Reads the value. A null is read like any other value; throw ``FieldError/expected(_:found:)`` for it unless
    /// ``schema`` admits it.
    init(field value: Value) throws(FieldError)
    /// How the value is shown as a default in schemas and references; nil where it cannot be shown.
    var fieldDefault: Value? { get }
    /// Whether the key may be left out although it has no default.
    static var isOptional: Bool { get }
    /// The value of a key that was left out; nil when the key is required.
    static var whenAbsent: Self? { get }
}

extension FieldValue {
    public var fieldDefault: Value? { nil }
    public static var isOptional: Bool { whenAbsent != nil }
    public static var whenAbsent: Self? { nil }
}

extension String: FieldValue {
    public static var schema: Value { ["type": "string"] }
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a string", found: value) }
        self = text
    }
    public var fieldDefault: Value? { .string(self) }
}

extension Bool: FieldValue {
    public static var schema: Value { ["type": "boolean"] }
    public init(field value: Value) throws(FieldError) {
        guard let flag = value.asBool else { throw .expected("true or false", found: value) }
        self = flag
    }
    public var fieldDefault: Value? { .bool(self) }
}

extension Int: FieldValue {
    public static var schema: Value { ["type": "integer"] }
    public init(field value: Value) throws(FieldError) {
        guard let whole = value.asInt, let number = Int(exactly: whole) else {
            throw .expected("a whole number", found: value)
        }
        self = number
    }
    public var fieldDefault: Value? { .int(Int64(self)) }
}

extension Double: FieldValue {
    public static var schema: Value { ["type": "number"] }
    public init(field value: Value) throws(FieldError) {
        guard let number = value.asDouble else { throw .expected("a number", found: value) }
        self = number
    }
    public var fieldDefault: Value? { .double(self) }
}

extension Value: FieldValue {
    public static var schema: Value { true }
    public init(field value: Value) throws(FieldError) { self = value }
    public var fieldDefault: Value? { self }
}

extension ValueObject: FieldValue {
    public static var schema: Value { ["type": "object"] }
    public init(field value: Value) throws(FieldError) {
        guard let object = value.asObject else { throw .expected("an object", found: value) }
        self = object
    }
    public var fieldDefault: Value? { .object(self) }
}

extension Optional: FieldValue where Wrapped: FieldValue {
    public static var schema: Value { Wrapped.schema }
    public init(field value: Value) throws(FieldError) {
        self = try Wrapped(field: value)
    }
    public var fieldDefault: Value? { self?.fieldDefault }
    public static var whenAbsent: Wrapped?? { .some(nil) }
}

extension Array: FieldValue where Element: FieldValue {
    public static var schema: Value { ["type": "array", "items": Element.schema] }
    public init(field value: Value) throws(FieldError) {
        guard let items = value.asList else { throw .expected("a list", found: value) }
        self = []
        for (index, item) in items.enumerated() {
            do {
                append(try Element(field: item))
            } catch {
                throw error.under(.index(index))
            }
        }
    }
    public var fieldDefault: Value? {
        let items = compactMap(\.fieldDefault)
        return items.count == count ? .list(items) : nil
    }
}
