import RunnelKit

/// The point in time behind `anchor`.
struct Anchor: FieldValue, Hashable {
    /// Since 1970.
    let nanoseconds: Int64

    static let epoch = Anchor(nanoseconds: 0)

    static var schema: Value { ["type": "string", "format": "date-time", "examples": ["2026-01-01T00:00:00Z"]] }

    init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let nanoseconds = Timestamp.parse(text) else {
            throw .expected("a time such as \"2026-01-01T00:00:00Z\" or \"2026-01-01T09:00:00+09:00\"", found: value)
        }
        guard nanoseconds % 1_000_000 == 0 else { throw FieldError("\"\(text)\" is finer than milliseconds") }
        self.nanoseconds = nanoseconds
    }

    var fieldDefault: Value? { .string(Timestamp.text(nanoseconds: nanoseconds)) }
}
