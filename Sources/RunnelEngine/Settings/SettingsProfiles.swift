import RunnelKit
import YAML

/// `profiles:` of `runnel.yaml`: settings that are merged over the rest when their profile is chosen.
struct SettingsProfiles {
    static let key = "profiles"

    /// The profiles as they are written.
    let nodes: [(name: String, node: YAMLNode)]

    init(root: YAMLNode) {
        guard case .mapping(let pairs)? = root[Self.key]?.content else {
            nodes = []
            return
        }
        nodes = pairs.map { ($0.key.keyText, $0.value) }.filter { !$0.node.isNull }
    }

    /// The settings with the chosen profile over them, without the profiles.
    ///
    /// - Returns: nil if there is no such profile, which is reported.
    func applied(
        _ profile: String?, to settings: Value, root: YAMLNode?, into diagnostics: inout DiagnosticList
    ) -> Value? {
        let base = Value.object((settings.asObject ?? [:]).removing(Self.key))
        guard let profile else { return base }
        if let node = nodes.first(where: { $0.name == profile })?.node { return Self.merge(Value(node), over: base) }
        // One whose keys are all commented out changes nothing.
        if root?[Self.key]?[profile] != nil { return base }
        let names = nodes.map(\.name)
        let closest = Suggestion.closest(to: profile, among: names)
        let known = names.isEmpty ? "the file has no `profiles`" : "profiles: \(names.joined(separator: ", "))"
        diagnostics.add(
            PipelineErrorCode.unknownProfile, .error, root?[Self.key]?.range, "there is no profile \"\(profile)\"",
            hint: closest.map { "did you mean \"\($0)\"?" } ?? known)
        return nil
    }

    /// Merges key by key. Lists, and values that name a source (`{ env: NAME }`), are replaced as a whole.
    private static func merge(_ value: Value, over base: Value) -> Value {
        guard let object = value.asObject, var merged = base.asObject, !isSource(value), !isSource(base) else {
            return value
        }
        for (key, value) in object { merged[key] = merged[key].map { merge(value, over: $0) } ?? value }
        return .object(merged)
    }

    private static func isSource(_ value: Value) -> Bool {
        guard let object = value.asObject else { return false }
        return ["env", "file", "command"].contains { object[$0] != nil }
            && object.allSatisfy { ["env", "file", "command", "cache"].contains($0.key) }
    }
}
