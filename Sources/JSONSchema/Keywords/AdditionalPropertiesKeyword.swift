import RunnelKit

/// `additionalProperties`: the members that neither `properties` nor `patternProperties` beside it speaks of.
struct AdditionalPropertiesKeyword: Keyword {
    let schema: NodeID
    let known: Set<String>
    let patterns: [Pattern]

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for (key, value) in object where !known.contains(key) {
            guard !patterns.contains(where: { run.matches($0, key) == true }) else { continue }
            if run.program.nodes[schema].literal == false {
                verdict = UnknownKey.fail("additionalProperties", key, in: object, &run)
            } else {
                verdict = verdict.and(run.descend(.key(key), value, schema))
            }
            if run.program.tracksEvaluated { run.evaluated.insert(key: key) }
            if verdict == .invalid, !run.isCollecting { break }
        }
        return verdict
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        var patterns: [Pattern] = []
        for text in site.schema["patternProperties"]?.asObject?.keys ?? [] {
            patterns.append(try compiler.pattern(text, of: site, at: []))
        }
        return AdditionalPropertiesKeyword(
            schema: try compiler.schema(of: site),
            known: Set(site.schema["properties"]?.asObject?.keys ?? []),
            patterns: patterns)
    }
}

/// The issue of a key that nobody knows.
enum UnknownKey {
    static func fail(_ keyword: String, _ key: String, in object: ValueObject, _ run: inout Evaluation) -> Verdict {
        guard run.isCollecting else { return .invalid }
        let candidates = run.program.declaredKeys(of: run.current).filter { object[$0] == nil }
        let suggestion = Suggestion.closest(to: key, among: candidates)
        return run.fail(
            keyword, key: key, suggestion: suggestion,
            "the key \(Wording.quoted(key)) is not known here\(Wording.didYouMean(suggestion))")
    }
}
