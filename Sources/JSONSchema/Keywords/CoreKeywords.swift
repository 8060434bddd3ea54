import RunnelKit

/// `$ref`.
struct ReferenceKeyword: Keyword {
    let target: NodeID

    var alwaysInPlace: [NodeID] { [target] }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        run.follow(target, instance, keyword: "$ref")
    }

    static func compile(_ site: KeywordSite, _ compiler: inout SchemaCompiler) throws(SchemaError) -> (any Keyword)? {
        ReferenceKeyword(target: try compiler.target(of: try site.string(), site).id)
    }

    static func compileDynamic(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let target = try compiler.target(of: try site.string(), site)
        guard let name = target.dynamicName else { return ReferenceKeyword(target: target.id) }
        compiler.trackScope()
        return DynamicReferenceKeyword(name: "$dynamicRef", anchor: name, fallback: target.id)
    }

    /// `$recursiveRef` of draft 2019-09; its value is always "#".
    static func compileRecursive(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let target = try compiler.target(of: try site.string(), site)
        guard target.dynamicName != nil else { return ReferenceKeyword(target: target.id) }
        compiler.trackScope()
        return DynamicReferenceKeyword(name: "$recursiveRef", anchor: "", fallback: target.id)
    }
}

/// `$dynamicRef` where it finds a `$dynamicAnchor`: the outermost resource in the dynamic scope that has one of that
/// name wins (JSON Schema 2020-12 core, section 8.2.3.2).
struct DynamicReferenceKeyword: Keyword {
    let name: String
    let anchor: String
    let fallback: NodeID

    var inPlace: [NodeID] { [fallback] }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        for resource in run.scope {
            guard let target = run.program.dynamicAnchors[resource][anchor] else { continue }
            return run.follow(target, instance, keyword: name)
        }
        return run.follow(fallback, instance, keyword: name)
    }
}
