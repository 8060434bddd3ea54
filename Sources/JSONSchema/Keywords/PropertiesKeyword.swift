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

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
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

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        var schemas: [(pattern: Pattern, schema: NodeID)] = []
        for (text, id) in try compiler.schemas(in: try site.object(), of: site) {
            schemas.append((try compiler.pattern(text, of: site, at: [text]), id))
        }
        return PatternPropertiesKeyword(schemas: schemas)
    }
}
