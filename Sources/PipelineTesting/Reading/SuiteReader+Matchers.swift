import RunnelEngine
import RunnelKit
import YAML

extension SuiteReader {
    /// A value that is meant as it stands, or the keys of a matcher.
    mutating func matcher(_ node: YAMLNode) -> Matcher {
        guard let keys = matcherKeys(node) else { return Matcher(rules: [.equals(Value(node))], node: node) }
        var rules: [Matcher.Rule] = []
        if let value = keys["equals"] { rules.append(.equals(Value(value))) }
        if let value = keys["contains"] { rules.append(.contains(diagnostics.texts(value, "contains"))) }
        if let value = keys["matches"], let pattern = diagnostics.text(value, "matches") {
            if (try? Regex(pattern)) == nil {
                diagnostics.error(
                    "wrong-value", value, "`matches`: \(Value.string(pattern).quoted()) is no regular expression")
            }
            rules.append(.matches(pattern))
        }
        if let value = keys["json"] { rules.append(.json(subset(value))) }
        return Matcher(rules: rules, node: node)
    }

    mutating func subset(_ node: YAMLNode) -> Matcher.Subset {
        if matcherKeys(node) != nil { return .matcher(matcher(node)) }
        switch node.content {
        case .scalar: return .value(Value(node))
        case .sequence(let items): return .list(items.map { subset($0) })
        case .mapping(let pairs): return .object(pairs.map { ($0.key.keyText, subset($0.value)) })
        }
    }

    /// nil unless all keys are those of a matcher.
    private mutating func matcherKeys(_ node: YAMLNode) -> TestKeys? {
        guard let pairs = node.pairs, !pairs.isEmpty,
            pairs.allSatisfy({ Matcher.keys.contains($0.key.keyText) })
        else { return nil }
        return TestKeys(node, "a matcher", Matcher.keys, into: &diagnostics)
    }
}
