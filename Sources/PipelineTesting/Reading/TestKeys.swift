import RunnelKit
import YAML

/// A mapping of which all keys are known beforehand.
struct TestKeys {
    let node: YAMLNode
    let what: String
    private let byKey: [String: YAMLPair]

    /// nil when the node is no mapping, which is then an error. So is every unknown key.
    ///
    /// - Parameter what: What the mapping describes: "a test".
    init?(_ node: YAMLNode, _ what: String, _ known: [String], into diagnostics: inout TestDiagnostics) {
        guard let pairs = node.pairs else {
            diagnostics.error("wrong-type", node, "\(what) is written as keys and values, found \(node.found)")
            return nil
        }
        self.node = node
        self.what = what
        var byKey: [String: YAMLPair] = [:]
        for pair in pairs {
            let key = pair.key.keyText
            guard !known.contains(key) else {
                byKey[key] = pair
                continue
            }
            let closest = Suggestion.closest(to: key, among: known)
            diagnostics.error(
                "unknown-key", pair.key, "\(what) has no key \"\(key)\"",
                hint: closest.map { "did you mean \"\($0)\"?" } ?? "it knows \(known.joined(separator: ", "))")
        }
        self.byKey = byKey
    }

    /// The value of `key`, also a null: a key that is written is given.
    subscript(key: String) -> YAMLNode? { byKey[key]?.value }

    func keyNode(_ key: String) -> YAMLNode? { byKey[key]?.key }

    /// Of `keys`, those that are given. More than one is an error.
    func atMostOne(_ keys: [String], into diagnostics: inout TestDiagnostics) -> String? {
        let given = keys.filter { self[$0] != nil }
        if given.count > 1 {
            diagnostics.error(
                "bad-keys", keyNode(given[1]),
                "\(what) takes only one of \(keys.map { "`\($0)`" }.joined(separator: ", "))")
        }
        return given.first
    }
}
