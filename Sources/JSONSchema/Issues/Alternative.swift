import RunnelKit

/// What became of one alternative of `anyOf` or `oneOf`.
struct Alternative {
    let verdict: Verdict
    let evaluated: Evaluated
    let issues: [SchemaIssue]

    /// Reports that no alternative holds: in one sentence where they are simple, else with the issues of the one that
    /// came closest.
    static func fail(
        _ keyword: String, _ alternatives: [Alternative], _ instance: Instance, _ run: inout Evaluation
    ) -> Verdict {
        // So that keys of an alternative that failed for another reason are not called unknown.
        if run.program.tracksEvaluated {
            for alternative in alternatives { run.evaluated.merge(alternative.evaluated, as: .invalid) }
        }
        guard run.isCollecting else { return .invalid }
        let here = InstancePath(run.path)
        let simple = alternatives.map { $0.simpleIssue(at: here) }
        if simple.allSatisfy({ $0 != nil }) {
            let expected = unique(simple.flatMap { $0?.expected ?? [] })
            let guesses = simple.compactMap { $0?.suggestion }
            let guess = instance.value.asString.flatMap { Suggestion.closest(to: $0, among: guesses) }
            if simple.allSatisfy({ $0?.keyword != "type" }) {
                return run.fail(
                    keyword, suggestion: guess, expected: expected,
                    EnumKeyword.message(expected, instance: instance, suggestion: guess))
            }
            return run.fail(
                keyword, suggestion: guess, expected: expected,
                "expected \(Wording.alternatives(expected)), found \(Wording.found(instance))"
                    + Wording.didYouMean(guess))
        }
        let closest = alternatives.min { $0.distance(from: here) < $1.distance(from: here) }
        for issue in closest?.issues ?? [] { run.report(issue) }
        if closest?.issues.isEmpty ?? true { return run.fail(keyword, "matches none of the alternatives") }
        return .invalid
    }

    /// The only issue, when it is about the value as a whole.
    private func simpleIssue(at path: InstancePath) -> SchemaIssue? {
        // A wrong kind makes everything else that is said of the value void.
        if let issue = issues.first(where: { $0.path == path && !$0.expected.isEmpty && $0.keyword == "type" }) {
            return issue
        }
        guard issues.count == 1, let issue = issues.first, issue.path == path, !issue.expected.isEmpty else {
            return nil
        }
        return issue
    }

    /// How far the value is from this alternative: an alternative for another kind of value is furthest, then one that
    /// a fixed value rules out (as in `kind: { const: file }`), then the number of issues counts.
    private func distance(from path: InstancePath) -> (Int, Int, Int) {
        let isOtherKind = issues.contains { $0.path == path && !$0.expected.isEmpty }
        let depth = path.elements.count + 1
        let ruledOut = issues.filter { ["const", "enum"].contains($0.keyword) && $0.path.elements.count == depth }
        return (isOtherKind ? 1 : 0, ruledOut.count, issues.count)
    }

    private static func unique(_ words: [String]) -> [String] {
        var seen: Set<String> = []
        return words.filter { seen.insert($0).inserted }
    }
}
