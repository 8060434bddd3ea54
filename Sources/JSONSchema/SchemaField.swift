public import RunnelKit

/// A field that holds a JSON schema, such as `schema` of a chat or `input` of a plugin's step.
///
/// A misspelled keyword or a misplaced property, which JSON schema ignores, is an error; see ``JSONSchema/problems(in:)``.
public struct SchemaField: FieldValue {
    /// The schema as it was written.
    public let source: Value
    /// The same, for validating values.
    public let compiled: JSONSchema

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "object"] }

    /// Reads the value that is written behind a key.
    /// - Throws: The first error, at its place in the schema.
    public init(field value: Value) throws(FieldError) {
        if let problem = Self.problems(in: value).first { throw problem }
        do {
            compiled = try JSONSchema(value)
        } catch {
            throw Self.fieldError(error)
        }
        source = value
    }

    /// Everything that is wrong with the schema, each at its place in it.
    public static func problems(in value: Value) -> [FieldError] {
        guard value.asObject != nil else { return [.expected("a JSON schema", found: value)] }
        return JSONSchema.problems(in: value).map(fieldError)
    }

    private static func fieldError(_ error: SchemaError) -> FieldError {
        let path = JSONPointer(error.pointer)?.tokens.map { token -> FieldError.PathElement in
            Int(token).map { .index($0) } ?? .key(token)
        }
        return FieldError("not a JSON schema: \(error.message)", hint: error.hint, path: path ?? [])
    }
}
