import RunnelKit

/// `enum`, and `const`, which is an `enum` of one.
struct EnumKeyword: Keyword {
    let name: String
    let values: [Value]
    /// For a quick answer where everything is known.
    private let set: Set<ExactValue>

    init(name: String, values: [Value]) {
        self.name = name
        self.values = values
        set = Set(values.map(ExactValue.init))
    }

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        let verdict = compare(instance, run)
        guard verdict == .invalid else { return verdict }
        let expected = values.map(Wording.quoted)
        let suggestion = suggestion(for: instance)
        return run.fail(
            name, suggestion: suggestion, expected: expected,
            Self.message(expected, instance: instance, suggestion: suggestion))
    }

    static func message(_ expected: [String], instance: Instance, suggestion: String?) -> String {
        let guess = Wording.didYouMean(suggestion)
        if expected.count == 1 { return "expected \(expected[0]), found \(found(instance))\(guess)" }
        return "\(found(instance)) is not one of \(Wording.list(expected))\(guess)"
    }

    private static func found(_ instance: Instance) -> String {
        switch instance.value {
        case _ where !instance.isContentKnown: "a string"
        case .bytes: "binary data"
        default: Wording.quoted(instance.value)
        }
    }

    private func compare(_ instance: Instance, _ run: Evaluation) -> Verdict {
        guard instance.isContentKnown else {
            return values.contains { $0.asString != nil } ? .unknown : .invalid
        }
        guard run.knowledge != nil else { return Verdict(set.contains(ExactValue(value: instance.value))) }
        let equality = PartialEquality(knowledge: run.knowledge)
        var isOpen = false
        for value in values {
            switch equality.compare(instance.value, at: run.path, with: value) {
            case .valid: return .valid
            case .unknown: isOpen = true
            case .invalid: break
            }
        }
        return isOpen ? .unknown : .invalid
    }

    private func suggestion(for instance: Instance) -> String? {
        guard instance.isContentKnown, let text = instance.value.asString else { return nil }
        return Suggestion.closest(to: text, among: values.lazy.compactMap(\.asString))
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        EnumKeyword(name: "enum", values: try site.list())
    }

    @Sendable static func compileConst(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        EnumKeyword(name: "const", values: [site.value])
    }
}
