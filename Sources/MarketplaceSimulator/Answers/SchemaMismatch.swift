internal import RunnelValue

/// Spoils a JSON value so that it no longer fits its schema.
enum SchemaMismatch {
    /// The sample without its first required property, or else a value of another type.
    static func value(from sample: Value, schema: Value) -> Value {
        let resolved = SchemaResolver(root: schema).resolved(schema)
        if let members = sample.asObject, let name = resolved["required"]?.asList?.first?.asString {
            return .object(members.removing(name))
        }
        return sample.asString == nil ? "Simulated: does not fit the schema" : 0
    }
}
