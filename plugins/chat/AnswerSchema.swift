import JSONSchema
import RunnelKit

/// `schema:` of a chat: a JSON schema that the answer has to fit, checked when the pipeline is validated.
struct AnswerSchema: FieldValue {
    let source: Value
    let compiled: JSONSchema

    static var schema: Value { ["type": "object"] }

    init(field value: Value) throws(FieldError) {
        guard value.asObject != nil else { throw .expected("a JSON schema", found: value) }
        do {
            compiled = try JSONSchema(value)
        } catch {
            throw FieldError("not a JSON schema: \(error)")
        }
        source = value
    }

    /// What is wrong with an answer, in lines for the agent and for people; nil where nothing is.
    func problems(with value: Value) -> String? {
        let issues = compiled.validate(value).prefix(8).map { issue in
            issue.path.isRoot ? issue.message : "`\(issue.path)`: \(issue.message)"
        }
        return issues.isEmpty ? nil : issues.joined(separator: "; ")
    }
}
