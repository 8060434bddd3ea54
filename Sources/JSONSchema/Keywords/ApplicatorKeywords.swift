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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        OneOfKeyword(schemas: try compiler.schemas(listedBy: site))
    }
}

/// `not`.
struct NotKeyword: Keyword {
    let schema: NodeID

    var alwaysInPlace: [NodeID] { [schema] }
    /// Keys of a negated schema are not suggested.
    var inPlace: [NodeID] { [] }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        let verdict = run.silently { run in run.evaluate(schema, instance.value).verdict }.negated
        guard verdict == .invalid else { return verdict }
        return run.fail("not", "\(Wording.found(instance)) like this is not allowed here: it matches \"not\"")
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        NotKeyword(schema: try compiler.schema(of: site))
    }
}

/// `if` with `then` and `else`.
struct ConditionalKeyword: Keyword {
    let condition: NodeID
    let consequence: NodeID?
    let alternative: NodeID?

    var alwaysInPlace: [NodeID] { [condition] }
    var inPlace: [NodeID] { [condition, consequence, alternative].compactMap { $0 } }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        let outcome = run.silently { run in run.evaluate(condition, instance.value) }
        switch outcome.verdict {
        case .valid:
            run.evaluated.merge(outcome.evaluated, as: .valid)
            return consequence.map { run.apply($0, instance) } ?? .valid
        case .invalid:
            return alternative.map { run.apply($0, instance) } ?? .valid
        case .unknown:
            run.evaluated.merge(outcome.evaluated, as: .unknown)
            return undecided(instance, &run)
        }
    }

    /// The condition is unknown: only what fails in both branches is an error.
    private func undecided(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        var verdicts: [Verdict] = []
        for branch in [consequence, alternative] {
            guard let branch else {
                verdicts.append(.valid)
                continue
            }
            let outcome = run.silently { run in run.evaluate(branch, instance.value) }
            run.evaluated.merge(outcome.evaluated, as: .unknown)
            verdicts.append(outcome.verdict)
        }
        if verdicts.allSatisfy({ $0 == .valid }) { return .valid }
        guard verdicts.allSatisfy({ $0 == .invalid }), let consequence else { return .unknown }
        return run.evaluate(consequence, instance.value).verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        ConditionalKeyword(
            condition: try compiler.schema(of: site),
            consequence: try compiler.schema(besides: site, "then"),
            alternative: try compiler.schema(besides: site, "else"))
    }
}

/// `dependentSchemas`.
struct DependentSchemasKeyword: Keyword {
    let schemas: [(key: String, id: NodeID)]

    var inPlace: [NodeID] { schemas.map(\.id) }
    var declaredKeys: [String] { schemas.map(\.key) }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for (key, schema) in schemas where object[key] != nil {
            verdict = verdict.and(run.apply(schema, instance))
        }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        DependentSchemasKeyword(schemas: try compiler.schemas(in: try site.object(), of: site))
    }

    /// `dependencies` of drafts 4 to 7, supported in later ones as well: for each key a schema, or a list of keys.
    static func compileMixed(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        var schemas: [(key: String, id: NodeID)] = []
        var required: [DependentRequiredKeyword.Dependency] = []
        for (key, value) in try site.object() {
            if value.asList != nil {
                required.append(.init(key: key, needs: try site.strings(value, at: [key])))
            } else {
                schemas.append((key, try compiler.schema(value, of: site, at: [key])))
            }
        }
        return DependenciesKeyword(
            schemas: DependentSchemasKeyword(schemas: schemas),
            required: DependentRequiredKeyword(dependencies: required))
    }
}

/// `dependencies`.
struct DependenciesKeyword: Keyword {
    let schemas: DependentSchemasKeyword
    let required: DependentRequiredKeyword

    var inPlace: [NodeID] { schemas.inPlace }
    var declaredKeys: [String] { schemas.declaredKeys + required.declaredKeys }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        required.evaluate(instance, &run).and(schemas.evaluate(instance, &run))
    }
}
