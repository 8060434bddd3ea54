import RunnelKit

/// `contains`, with `minContains` and `maxContains`.
struct ContainsKeyword: Keyword {
    let schema: NodeID
    let minimum: Int
    let maximum: Int?

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let items = instance.list else { return .valid }
        var certain = 0
        var possible = 0
        for (index, item) in items.enumerated() {
            let verdict = run.silently { run in run.descend(.index(index), item, schema) }
            if run.program.tracksEvaluated { run.evaluated.insert(index: index, as: verdict) }
            if verdict == .valid { certain += 1 }
            if verdict != .invalid { possible += 1 }
            if certain >= minimum, maximum == nil, !run.program.tracksEvaluated { return .valid }
        }
        if possible < minimum {
            return run.fail(
                minimum == 1 ? "contains" : "minContains",
                "expected at least \(Self.items(minimum)) \"contains\", found \(possible)")
        }
        if let maximum, certain > maximum {
            return run.fail(
                "maxContains",
                "expected at most \(Self.items(maximum)) \"contains\", found \(certain)")
        }
        return certain >= minimum && possible <= maximum ?? possible ? .valid : .unknown
    }

    private static func items(_ count: Int) -> String {
        Wording.count(count, "item") + (count == 1 ? " that fits" : " that fit")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let hasBounds =
            site.dialect.draft >= .draft2019 && site.dialect.vocabularies.contains(.validation)
        return ContainsKeyword(
            schema: try compiler.schema(of: site),
            minimum: hasBounds ? site.schema["minContains"]?.asInt.map { Int(clamping: $0) } ?? 1 : 1,
            maximum: hasBounds ? site.schema["maxContains"]?.asInt.map { Int(clamping: $0) } : nil)
    }

    /// The bounds take part in ``compile(_:_:)``; here only their mistakes are found.
    @Sendable static func compileBound(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        _ = try site.count()
        return nil
    }
}
