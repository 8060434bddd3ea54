import RunnelKit

/// `unevaluatedItems`.
struct UnevaluatedItemsKeyword: Keyword {
    let schema: NodeID

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let items = instance.list else { return .valid }
        var verdict = Verdict.valid
        for (index, item) in items.enumerated() {
            switch run.evaluated.contains(index: index) {
            case .valid: continue
            case .unknown:
                let outcome = run.silently { run in run.descend(.index(index), item, schema) }
                verdict = verdict.and(outcome == .valid ? .valid : .unknown)
            case .invalid where run.program.nodes[schema].literal == false:
                verdict = run.fail("unevaluatedItems", "the item \(index) is not allowed here")
            case .invalid: verdict = verdict.and(run.descend(.index(index), item, schema))
            }
            if verdict == .invalid, !run.isCollecting { break }
        }
        run.evaluated.insert(prefix: items.count)
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        compiler.trackEvaluated()
        return UnevaluatedItemsKeyword(schema: try compiler.schema(of: site))
    }
}

/// `unevaluatedProperties`.
struct UnevaluatedPropertiesKeyword: Keyword {
    let schema: NodeID

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for (key, value) in object {
            switch run.evaluated.contains(key: key) {
            case .valid: continue
            case .unknown:
                let outcome = run.silently { run in run.descend(.key(key), value, schema) }
                verdict = verdict.and(outcome == .valid ? .valid : .unknown)
            case .invalid where run.program.nodes[schema].literal == false:
                verdict = UnknownKey.fail("unevaluatedProperties", key, in: object, &run)
            case .invalid: verdict = verdict.and(run.descend(.key(key), value, schema))
            }
            run.evaluated.insert(key: key)
        }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        compiler.trackEvaluated()
        return UnevaluatedPropertiesKeyword(schema: try compiler.schema(of: site))
    }
}
