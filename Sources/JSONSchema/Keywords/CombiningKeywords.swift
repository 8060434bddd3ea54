import RunnelKit

/// `allOf`.
struct AllOfKeyword: Keyword {
    let schemas: [NodeID]

    var alwaysInPlace: [NodeID] { schemas }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        var verdict = Verdict.valid
        for schema in schemas { verdict = verdict.and(run.apply(schema, instance)) }
        return verdict
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        AllOfKeyword(schemas: try compiler.schemas(listedBy: site))
    }
}

/// `anyOf`.
struct AnyOfKeyword: Keyword {
    let schemas: [NodeID]

    var alwaysInPlace: [NodeID] { schemas }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        var verdict = Verdict.invalid
        var alternatives: [Alternative] = []
        for schema in schemas {
            let (outcome, issues) = run.separately { run in run.evaluate(schema, instance.value) }
            alternatives.append(Alternative(verdict: outcome.verdict, evaluated: outcome.evaluated, issues: issues))
            if outcome.verdict == .valid { verdict = .valid }
            if outcome.verdict == .unknown, verdict == .invalid { verdict = .unknown }
            if verdict == .valid, !run.program.tracksEvaluated { return .valid }
        }
        guard verdict == .invalid else {
            for alternative in alternatives where alternative.verdict != .invalid {
                run.evaluated.merge(alternative.evaluated, as: alternative.verdict)
            }
            return verdict
        }
        return Alternative.fail("anyOf", alternatives, instance, &run)
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        AnyOfKeyword(schemas: try compiler.schemas(listedBy: site))
    }
}

/// `oneOf`.
struct OneOfKeyword: Keyword {
    let schemas: [NodeID]

    var alwaysInPlace: [NodeID] { schemas }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        var alternatives: [Alternative] = []
        var matches: [Int] = []
        var isOpen = false
        for (index, schema) in schemas.enumerated() {
            let (outcome, issues) = run.separately { run in run.evaluate(schema, instance.value) }
            alternatives.append(Alternative(verdict: outcome.verdict, evaluated: outcome.evaluated, issues: issues))
            if outcome.verdict == .valid { matches.append(index + 1) }
            if outcome.verdict == .unknown { isOpen = true }
        }
        if matches.count > 1 {
            let words = Wording.enumeration(matches.map(String.init))
            return run.fail(
                "oneOf", "matches the alternatives \(words) of \(schemas.count), but may match only one")
        }
        if matches.isEmpty, !isOpen { return Alternative.fail("oneOf", alternatives, instance, &run) }
        let verdict: Verdict = isOpen ? .unknown : .valid
        for alternative in alternatives where alternative.verdict != .invalid {
            run.evaluated.merge(alternative.evaluated, as: verdict)
        }
        return verdict
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        OneOfKeyword(schemas: try compiler.schemas(listedBy: site))
    }
}

/// `not`.
struct NotKeyword: Keyword {
    let schema: NodeID

    var alwaysInPlace: [NodeID] { [schema] }
    /// What is forbidden is no suggestion.
    var inPlace: [NodeID] { [] }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        let verdict = run.silently { run in run.evaluate(schema, instance.value).verdict }.negated
        guard verdict == .invalid else { return verdict }
        return run.fail("not", "\(Wording.found(instance)) like this is not allowed here: it matches \"not\"")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        NotKeyword(schema: try compiler.schema(of: site))
    }
}
