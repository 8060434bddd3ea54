extension Dictionary: FieldValue where Key == String, Value: FieldValue {
    public static var schema: RunnelKit.Value { ["type": "object", "additionalProperties": Value.schema] }

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

    public var fieldDefault: RunnelKit.Value? { isEmpty ? [:] : nil }
}
