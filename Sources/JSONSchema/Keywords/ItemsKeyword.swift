import RunnelKit

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

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        PrefixItemsKeyword(schemas: try compiler.schemas(listedBy: site))
    }
}

/// `items`: all elements that `prefixItems` leaves. In older drafts also a list, which is `prefixItems`, followed by
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

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        if site.dialect.draft < .draft2020, site.value.asList != nil {
            return PrefixItemsKeyword(schemas: try compiler.schemas(listedBy: site))
        }
        let start = site.dialect.draft == .draft2020 ? site.schema["prefixItems"]?.asList?.count ?? 0 : 0
        return ItemsKeyword(schema: try compiler.schema(of: site), start: start)
    }

    @Sendable static func compileAdditional(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let schema = try compiler.schema(of: site)
        guard let count = site.schema["items"]?.asList?.count else { return nil }
        return ItemsKeyword(schema: schema, start: count)
    }
}
