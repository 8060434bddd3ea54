import RunnelKit

/// `properties`.
struct PropertiesKeyword: Keyword {
    let schemas: [String: NodeID]
    let keys: [String]

    var declaredKeys: [String] { keys }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for key in keys {
            guard let value = object[key], let schema = schemas[key] else { continue }
            verdict = verdict.and(run.descend(.key(key), value, schema))
            if run.program.tracksEvaluated { run.evaluated.insert(key: key) }
            if verdict == .invalid, !run.isCollecting { break }
        }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        let schemas = try compiler.schemas(in: try site.object(), of: site)
        return PropertiesKeyword(
            schemas: Dictionary(schemas.map { ($0.key, $0.id) }, uniquingKeysWith: { first, _ in first }),
            keys: schemas.map(\.key))
    }
}

/// `patternProperties`.
struct PatternPropertiesKeyword: Keyword {
    let schemas: [(pattern: Pattern, schema: NodeID)]

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let object = instance.object else { return .valid }
        var verdict = Verdict.valid
        for (key, value) in object {
            for (pattern, schema) in schemas {
                switch run.matches(pattern, key) {
                case false: continue
                case nil:
                    verdict = run.fail(
                        "patternProperties", key: key,
                        "the key \(Wording.quoted(key)) is too long to be checked against a pattern")
                case true: verdict = verdict.and(run.descend(.key(key), value, schema))
                }
                if run.program.tracksEvaluated { run.evaluated.insert(key: key) }
            }
        }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        var schemas: [(pattern: Pattern, schema: NodeID)] = []
        for (text, id) in try compiler.schemas(in: try site.object(), of: site) {
            schemas.append((try compiler.pattern(text, of: site, at: [text]), id))
        }
        return PatternPropertiesKeyword(schemas: schemas)
    }
}

/// `additionalProperties`: the members that neither `properties` nor `patternProperties` in the same schema declares.
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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
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

/// The issue for an unknown key.
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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        PropertyNamesKeyword(schema: try compiler.schema(of: site))
    }
}

/// `prefixItems`.
struct PrefixItemsKeyword: Keyword {
    let schemas: [NodeID]

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let items = instance.list else { return .valid }
        var verdict = Verdict.valid
        for (index, (item, schema)) in zip(items, schemas).enumerated() {
            verdict = verdict.and(run.descend(.index(index), item, schema))
        }
        if run.program.tracksEvaluated { run.evaluated.insert(prefix: min(items.count, schemas.count)) }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        PrefixItemsKeyword(schemas: try compiler.schemas(listedBy: site))
    }
}

/// `items`: all elements after `prefixItems`. In older drafts also a list (now `prefixItems`), followed by
/// `additionalItems`.
struct ItemsKeyword: Keyword {
    let schema: NodeID
    let start: Int

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let items = instance.list, items.count > start else { return .valid }
        if run.program.nodes[schema].literal == false {
            if run.program.tracksEvaluated { run.evaluated.insert(prefix: items.count) }
            return run.fail("items", "expected at most \(Wording.count(start, "item")), found \(items.count)")
        }
        var verdict = Verdict.valid
        for index in start..<items.count {
            verdict = verdict.and(run.descend(.index(index), items[index], schema))
            if verdict == .invalid, !run.isCollecting { break }
        }
        if run.program.tracksEvaluated { run.evaluated.insert(prefix: items.count) }
        return verdict
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        if site.dialect.draft < .draft2020, site.value.asList != nil {
            return PrefixItemsKeyword(schemas: try compiler.schemas(listedBy: site))
        }
        let start = site.dialect.draft == .draft2020 ? site.schema["prefixItems"]?.asList?.count ?? 0 : 0
        return ItemsKeyword(schema: try compiler.schema(of: site), start: start)
    }

    static func compileAdditional(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let schema = try compiler.schema(of: site)
        guard let count = site.schema["items"]?.asList?.count else { return nil }
        return ItemsKeyword(schema: schema, start: count)
    }
}

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

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        let hasBounds =
            site.dialect.draft >= .draft2019 && site.dialect.vocabularies.contains(.validation)
        return ContainsKeyword(
            schema: try compiler.schema(of: site),
            minimum: hasBounds ? site.schema["minContains"]?.asInt.map { Int(clamping: $0) } ?? 1 : 1,
            maximum: hasBounds ? site.schema["maxContains"]?.asInt.map { Int(clamping: $0) } : nil)
    }

    /// The bounds are used in ``compile(_:_:)``; this only validates them.
    static func compileBound(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        _ = try site.count()
        return nil
    }
}
