import RunnelKit

/// Phrases of messages.
enum Wording {
    /// The maximum length of a quoted value.
    private static let limit = 60
    private static let listLimit = 12

    /// "a", "a or b", "a, b or c".
    static func alternatives(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    /// "a", "a and b", "a, b and c".
    static func enumeration(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
        return words.dropLast().joined(separator: ", ") + " and " + last
    }

    /// A list of values, limited to the first twelve.
    static func list(_ words: [String]) -> String {
        let shown = words.prefix(listLimit).joined(separator: ", ")
        return words.count > listLimit ? "\(shown) and \(words.count - listLimit) more" : shown
    }

    /// `text` in quotes, escaped as in JSON, truncated.
    static func quoted(_ text: String) -> String { quoted(.string(text)) }

    /// `value` as JSON, truncated.
    static func quoted(_ value: Value) -> String { cut(value, depth: 0).quoted(limit: limit) }

    /// The beginning of a value, so that a large one is not serialised for a few characters. The result is still longer
    /// than the excerpt that is shown.
    private static func cut(_ value: Value, depth: Int) -> Value {
        switch value {
        case .string(let text): .string(String(text.prefix(limit)))
        case .bytes(let bytes): .bytes(Array(bytes.prefix(limit)))
        case .list(let items) where depth < limit: .list(items.prefix(limit).map { cut($0, depth: depth + 1) })
        case .object(let object) where depth < limit:
            .object(ValueObject(object.prefix(limit).map { ($0.key, cut($0.value, depth: depth + 1)) }))
        case .list, .object: .null
        default: value
        }
    }

    /// What was found, by type and, if short, by value: `the number 5`, `the string "a"`, `a list`.
    static func found(_ instance: Instance) -> String {
        guard instance.isContentKnown else { return "a string" }
        return switch instance.value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int, .double: "the number \(quoted(instance.value))"
        case .string: "the string \(quoted(instance.value))"
        case .bytes: "binary data"
        case .list(let items): items.isEmpty ? "an empty list" : "a list"
        case .object(let object): object.isEmpty ? "an empty object" : "an object"
        }
    }

    /// `; did you mean "label"?`, or nothing.
    static func didYouMean(_ suggestion: String?) -> String {
        suggestion.map { "; did you mean \(quoted($0))?" } ?? ""
    }

    /// "1 item", "2 items".
    static func count(_ number: Int, _ noun: String) -> String {
        number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
    }
}

/// The result of one alternative of `anyOf` or `oneOf`.
struct Alternative {
    let verdict: Verdict
    let evaluated: Evaluated
    let issues: [SchemaIssue]

    /// Reports that no alternative matches: in one sentence if all are simple, otherwise with the issues of the closest
    /// one.
    static func fail(
        _ keyword: String, _ alternatives: [Alternative], _ instance: Instance, _ run: inout Evaluation
    ) -> Verdict {
        // Keys of an alternative that failed for another reason are not reported as unknown.
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

    /// The only issue, if it concerns the value as a whole.
    private func simpleIssue(at path: InstancePath) -> SchemaIssue? {
        // A wrong type makes all other issues of the value irrelevant.
        if let issue = issues.first(where: { $0.path == path && !$0.expected.isEmpty && $0.keyword == "type" }) {
            return issue
        }
        guard issues.count == 1, let issue = issues.first, issue.path == path, !issue.expected.isEmpty else {
            return nil
        }
        return issue
    }

    /// The distance of the value from this alternative: largest for another type, then for a mismatched constant (as in
    /// `kind: { const: file }`), then by the number of issues.
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
