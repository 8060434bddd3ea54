import RunnelKit

/// `minimum`, `maximum`, `exclusiveMinimum` and `exclusiveMaximum`.
struct BoundKeyword: Keyword {
    let name: String
    let bound: Number
    let isLower: Bool
    let isExclusive: Bool

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let number = Number(instance.value) else { return .valid }
        let holds =
            isLower
            ? (isExclusive ? number > bound : number >= bound) : (isExclusive ? number < bound : number <= bound)
        if holds { return .valid }
        let side =
            switch (isLower, isExclusive) {
            case (true, false): "at least"
            case (true, true): "more than"
            case (false, false): "at most"
            case (false, true): "less than"
            }
        return run.fail(
            name, "expected \(side) \(Wording.quoted(bound.value)), found \(Wording.quoted(instance.value))")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let isLower = site.name.lowercased().hasSuffix("minimum")
        let isExclusive = site.name.hasPrefix("exclusive")
        if site.dialect.draft == .draft4 {
            // There `exclusiveMinimum: true` says how `minimum` is meant.
            if isExclusive {
                _ = try site.bool()
                return nil
            }
            let flag = site.schema[isLower ? "exclusiveMinimum" : "exclusiveMaximum"]
            return BoundKeyword(
                name: site.name, bound: try site.number(), isLower: isLower, isExclusive: flag?.asBool == true)
        }
        return BoundKeyword(name: site.name, bound: try site.number(), isLower: isLower, isExclusive: isExclusive)
    }
}
