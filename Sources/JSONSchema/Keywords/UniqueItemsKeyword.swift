import RunnelKit

/// `uniqueItems: true`.
struct UniqueItemsKeyword: Keyword {
    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let items = instance.list else { return .valid }
        let equality = PartialEquality(knowledge: run.knowledge)
        var places: [ExactValue: Int] = [:]
        var isOpen = false
        for (index, item) in items.enumerated() {
            guard equality.isWhollyKnown(item, at: run.path + [.index(index)]) else {
                isOpen = true
                continue
            }
            if let first = places.updateValue(index, forKey: ExactValue(value: item)) {
                return run.fail(
                    "uniqueItems", "the items \(first) and \(index) are equal: \(Wording.quoted(item))")
            }
        }
        return isOpen ? .unknown : .valid
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        try site.bool() ? UniqueItemsKeyword() : nil
    }
}
