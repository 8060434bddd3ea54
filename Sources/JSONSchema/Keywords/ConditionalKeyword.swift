import RunnelKit

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

    /// The condition may turn out either way: it is an error only if both ways are.
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

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        ConditionalKeyword(
            condition: try compiler.schema(of: site),
            consequence: try compiler.schema(besides: site, "then"),
            alternative: try compiler.schema(besides: site, "else"))
    }
}
