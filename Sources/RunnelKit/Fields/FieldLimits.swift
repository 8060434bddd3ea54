/// A field type whose values have an order, so that a ``Field`` can bound them: `@Field("How many.", in: 1...100)`.
public protocol OrderedFieldValue: FieldValue, Comparable {
    /// What such a value is, in messages: "a number", "a duration".
    static var measure: String { get }
    /// The JSON schema (2020-12) of the values from `lower` to `upper`, both included; nil: without bound. Where a schema
    /// cannot say it, ``FieldValue/schema``, which is the default.
    static func schema(from lower: Self?, to upper: Self?) -> Value
}

extension OrderedFieldValue {
    /// The JSON schema (2020-12) of the values within the bounds.
    public static func schema(from lower: Self?, to upper: Self?) -> Value { schema }
}

extension Field where FieldType: OrderedFieldValue {
    /// A required key whose value lies in the range.
    public init(_ help: String, key: String? = nil, in range: ClosedRange<FieldType>) {
        self.init(
            help: help, key: key, default: nil, limits: FieldLimits(lower: range.lowerBound, upper: range.upperBound))
    }

    /// A key with a default whose value lies in the range. The default does not have to.
    public init(wrappedValue: FieldType, _ help: String, key: String? = nil, in range: ClosedRange<FieldType>) {
        self.init(
            help: help, key: key, default: wrappedValue,
            limits: FieldLimits(lower: range.lowerBound, upper: range.upperBound))
    }

    /// A required key whose value is the bound or more.
    public init(_ help: String, key: String? = nil, in range: PartialRangeFrom<FieldType>) {
        self.init(help: help, key: key, default: nil, limits: FieldLimits(lower: range.lowerBound, upper: nil))
    }

    /// A key with a default whose value is the bound or more. The default does not have to be.
    public init(wrappedValue: FieldType, _ help: String, key: String? = nil, in range: PartialRangeFrom<FieldType>) {
        self.init(help: help, key: key, default: wrappedValue, limits: FieldLimits(lower: range.lowerBound, upper: nil))
    }
}

/// The bounds of a field's value.
struct FieldLimits<FieldType: FieldValue>: Sendable {
    /// Computed on demand, as a group is made anew for each reading.
    let schema: @Sendable () -> Value
    /// - Throws: A ``FieldError`` for a value outside.
    let check: @Sendable (_ field: FieldType, _ value: Value) throws(FieldError) -> Void

    init(lower: FieldType, upper: FieldType?) where FieldType: OrderedFieldValue {
        schema = { FieldType.schema(from: lower, to: upper) }
        check = { field, value throws(FieldError) in
            func shown(_ bound: FieldType) -> String { bound.fieldDefault?.text ?? "\(bound)" }
            if field >= lower, upper.map({ field <= $0 }) ?? true { return }
            guard let upper else {
                throw FieldError("\(shown(field)) is too \(FieldType.tooLittle)", hint: "\(shown(lower)) at least")
            }
            throw .expected("\(FieldType.measure) from \(shown(lower)) to \(shown(upper))", found: value)
        }
    }
}

extension OrderedFieldValue {
    fileprivate static var tooLittle: String { self == Duration.self ? "short" : "small" }

    fileprivate static func numberSchema(_ lower: Value?, _ upper: Value?) -> Value {
        var schema = schema.asObject ?? [:]
        schema["minimum"] = lower
        schema["maximum"] = upper
        return .object(schema)
    }
}

extension Int: OrderedFieldValue {
    /// What such a value is called in messages.
    public static var measure: String { "a number" }
    /// The JSON schema (2020-12) of the values within the bounds.
    public static func schema(from lower: Int?, to upper: Int?) -> Value {
        numberSchema(lower?.fieldDefault, upper?.fieldDefault)
    }
}

extension Double: OrderedFieldValue {
    /// What such a value is called in messages.
    public static var measure: String { "a number" }
    /// The JSON schema (2020-12) of the values within the bounds.
    public static func schema(from lower: Double?, to upper: Double?) -> Value {
        numberSchema(lower?.fieldDefault, upper?.fieldDefault)
    }
}

extension Duration: OrderedFieldValue {
    /// What such a value is called in messages.
    public static var measure: String { "a duration" }
}

extension ByteCount: OrderedFieldValue {
    /// What such a value is called in messages.
    public static var measure: String { "a size" }
    /// Whether the first comes before the second.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
