import RunnelKit

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

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        DependentSchemasKeyword(schemas: try compiler.schemas(in: try site.object(), of: site))
    }

    /// `dependencies` of drafts 4 to 7, still read in later ones: for each key a schema, or a list of keys.
    @Sendable static func compileMixed(
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
