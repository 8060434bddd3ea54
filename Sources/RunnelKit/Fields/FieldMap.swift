extension Dictionary: FieldValue where Key == String, Value: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: RunnelKit.Value { ["type": "object", "additionalProperties": Value.schema] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: RunnelKit.Value) throws(FieldError) {
        guard let object = value.asObject else { throw .expected("names and values", found: value) }
        self = [:]
        for (key, member) in object {
            do {
                self[key] = try Value(field: member)
            } catch {
                throw error.under(.key(key))
            }
        }
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: RunnelKit.Value? { isEmpty ? [:] : nil }
}
