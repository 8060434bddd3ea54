internal import JSONSchema
internal import RunnelKit

/// Checks the rendered `with:` of a step against the schema that its plugin gave.
struct StepInput: Sendable {
    private let schema: JSONSchema

    init(_ schema: Value) throws(SchemaError) {
        self.schema = try JSONSchema(schema)
    }

    /// - Throws: The first thing that is wrong, with the code `bad-with`; with `empty-value` for a null that the schema
    ///   does not admit.
    func check(_ with: ValueObject) throws(StepError) {
        guard let issue = schema.validate(.object(with)).first else { return }
        let place = issue.path.isRoot ? "" : "`\(issue.path)`: "
        let isNull = Value.object(with).value(at: issue.path.fieldPath)?.isNull == true
        throw StepError(
            isNull ? "empty-value" : "bad-with", place + issue.message,
            hint: issue.suggestion.map { "did you mean \"\($0)\"?" }, field: issue.path.fieldPath)
    }
}
