import RunnelKit

/// `propertyNames`.
struct PropertyNamesKeyword: Keyword {
    let schema: NodeID

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for (key, _) in object {
            let (outcome, issues) = run.separately { run in run.evaluate(schema, name: key) }
            guard outcome == .invalid else { continue }
            let issue = issues.first
            let reason = issue.map { $0.keyword == "false" ? "" : ": \($0.message)" } ?? ""
            verdict = run.fail(
                "propertyNames", key: key, suggestion: issue?.suggestion,
                "the key \(Wording.quoted(key)) is not allowed here\(reason)")
        }
        return verdict
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        PropertyNamesKeyword(schema: try compiler.schema(of: site))
    }
}
