package import JSONSchema
package import RunnelKit

/// Validates the rendered `with:` of a step against the schema of its plugin.
package struct StepInput: Sendable {
    private let schema: JSONSchema

    package init(_ schema: Value) throws(SchemaError) {
        self.schema = try JSONSchema(schema)
    }

    /// - Throws: The first error, with the code `bad-with`, or `empty-value` for a null that the schema does not allow.
    package func check(_ with: ValueObject) throws(StepError) {
        guard let issue = schema.validate(.object(with)).first else { return }
        let place = issue.path.isRoot ? "" : "`\(issue.path)`: "
        let isNull = Value.object(with).value(at: issue.path.fieldPath)?.isNull == true
        throw StepError(
            isNull ? "empty-value" : "bad-with", place + issue.message,
            hint: issue.suggestion.map { "did you mean \"\($0)\"?" }, field: issue.path.fieldPath)
    }
}
