import RunnelKit

/// The word `true`, for a key that says what to do and has nothing to set.
struct True: FieldValue {
    static var schema: Value { ["const": true] }

    init(field value: Value) throws(FieldError) {
        guard value == true else { throw .expected("true", found: value) }
    }
}
