/// Spoils a JSON value so that it no longer fits its schema.
enum SchemaMismatch {
    /// The sample without its first required property, or else a value of another type.
    static func value(from sample: JSONValue, schema: JSONValue) -> JSONValue {
        let resolved = SchemaResolver(root: schema).resolved(schema)
        if let members = sample.members, let name = resolved["required"]?.elements?.first?.string {
            return .object(members.filter { $0.key != name })
        }
        return sample.string == nil ? "Simulated: does not fit the schema" : 0
    }
}
