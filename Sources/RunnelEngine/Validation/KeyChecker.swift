import JSONSchema
import RunnelKit
import YAML

/// Validates data of a file against field declarations, and reports errors at their positions.
struct KeyChecker {
    /// The owner of the keys: "http.fetch".
    let subject: String
    let schema: Value
    let rules: [FieldRule]
    let problem: (_ key: String, _ value: Value) -> FieldError?
    /// The default hint.
    let advice: String

    /// - Parameters:
    ///   - node: The source node of `tree`; nil if it was not written.
    ///   - place: The position of missing keys if `node` is nil.
    func check(_ tree: TemplateTree, node: YAMLNode?, place: YAMLNode, into diagnostics: inout DiagnosticList) {
        let members: [(key: String, value: TemplateTree)] =
            switch tree {
            case .object(let members): members
            case .literal(.object(let object)): object.map { ($0.key, .literal($0.value)) }
            default: []
            }
        let given = Set(members.map(\.key))
        for rule in rules {
            if let message = rule.violation(in: given) {
                diagnostics.error("bad-keys", (node ?? place).firstKeyOrSelf, "\(subject): \(message)")
            }
        }
        let literals = Dictionary(members.map { ($0.key, $0.value.literal) }, uniquingKeysWith: { first, _ in first })
        var knowledge: [InstancePath: PartialKnowledge] = [:]
        let value = tree.skeleton(path: InstancePath(), knowledge: &knowledge)
        var issues = schemaIssues(value, knowledge)
        // A wrong type makes all other issues of a value irrelevant.
        let wrongKinds = Set(issues.filter { $0.keyword == "type" }.map(\.path))
        issues.removeAll { $0.keyword != "type" && wrongKinds.contains($0.path) }
        for issue in issues {
            // A field has better words for its patterns and limits than its schema.
            if ["pattern", "minimum", "maximum"].contains(issue.keyword),
                case .key(let key)? = issue.path.elements.first,
                let literal = literals[key] ?? nil, let found = problem(key, literal), let node = node?[key],
                found.path[...] == issue.path.fieldPath.dropFirst()
            {
                diagnostics.fieldError(found, key: key, in: node)
            } else {
                report(issue, in: value, node, place, into: &diagnostics)
            }
        }
        let faulty = Set(
            issues.compactMap { issue -> String? in
                if case .key(let key)? = issue.path.elements.first { key } else { issue.key }
            })
        for (key, tree) in members where !faulty.contains(key) {
            guard let value = tree.literal, let problem = problem(key, value), let node = node?[key]
            else { continue }
            diagnostics.fieldError(problem, key: key, in: node)
        }
    }

    private func schemaIssues(_ value: Value, _ knowledge: [InstancePath: PartialKnowledge]) -> [SchemaIssue] {
        var schema = schema.asObject ?? ValueObject()
        // The rules were checked above, with better messages than the schema's.
        if !rules.isEmpty { schema["allOf"] = nil }
        guard let compiled = try? JSONSchema(.object(schema)) else { return [] }
        return compiled.validate(value) { knowledge[$0] ?? .known }
    }

    private func report(
        _ issue: SchemaIssue, in value: Value, _ node: YAMLNode?, _ place: YAMLNode,
        into diagnostics: inout DiagnosticList
    ) {
        let found = node?.nearest(to: issue.path.fieldPath) ?? place
        let path = issue.path.elements.isEmpty ? "" : "`\(issue.path)`: "
        let suggestion = issue.suggestion.map { "did you mean \"\($0)\"?" }
        switch issue.keyword {
        case "additionalProperties":
            let key = issue.key ?? ""
            diagnostics.error(
                "unknown-key", found.keyNode(for: key) ?? found, "\(path)\(subject) has no key \"\(key)\"",
                hint: suggestion ?? advice)
        case "required":
            diagnostics.error(
                "missing-key", node == nil ? place : found.firstKeyOrSelf,
                "\(path)\(subject) needs the key \"\(issue.key ?? "")\"", hint: advice)
        case _ where value.value(at: issue.path.fieldPath)?.isNull == true:
            diagnostics.error("empty-value", found, path + issue.message, hint: YAMLNode.nullHint)
        default: diagnostics.error("wrong-value", found, path + issue.message, hint: suggestion)
        }
    }
}
