import JSONSchema
import RunnelKit

/// `schema:` of a chat: a JSON schema that the answer has to fit, checked when the pipeline is validated.
struct AnswerSchema: FieldValue {
    let source: Value
    let compiled: JSONSchema

    static var schema: Value { ["type": "object"] }

    init(field value: Value) throws(FieldError) {
        guard value.asObject != nil else { throw .expected("a JSON schema", found: value) }
        if let problem = Self.problems(in: value).first { throw problem }
        do {
            compiled = try JSONSchema(value)
        } catch {
            throw Self.fieldError(error)
        }
        source = value
    }

    static func problems(in value: Value) -> [FieldError] {
        guard value.asObject != nil else { return [.expected("a JSON schema", found: value)] }
        return JSONSchema.problems(in: value).map(fieldError)
    }

    private static func fieldError(_ error: SchemaError) -> FieldError {
        let path = JSONPointer(error.pointer)?.tokens.map { token -> FieldError.PathElement in
            Int(token).map { .index($0) } ?? .key(token)
        }
        return FieldError("not a JSON schema: \(error.message)", hint: error.hint, path: path ?? [])
    }

    /// What is wrong with an answer, in lines for the agent and for people; nil where nothing is.
    func problems(with value: Value) -> String? {
        let issues = compiled.validate(value).prefix(8).map { issue in
            issue.path.isRoot ? issue.message : "`\(issue.path)`: \(issue.message)"
        }
        return issues.isEmpty ? nil : issues.joined(separator: "; ")
    }
}
