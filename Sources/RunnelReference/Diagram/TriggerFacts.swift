import RunnelEngine
import RunnelKit
import YAML

/// What a drawing says of a trigger.
struct TriggerFacts: Sendable {
    let trigger: TriggerDeclaration

    var title: String { "on \(PlainLine.text(trigger.key))" }

    /// The values that stand directly in the entry: `cron 0 9 * * MON-FRI`. Where a secret may be written out, nothing
    /// is shown.
    var values: [String] {
        guard case .object(let members) = trigger.entry else { return [] }
        return members.compactMap { key, value in
            let name = key.lowercased()
            guard !Self.sensitive.contains(where: name.contains), let shown = Self.shown(value) else { return nil }
            return "\(PlainLine.text(key)) \(shown)"
        }
    }

    private static let sensitive = ["secret", "token", "password", "passphrase", "key", "auth", "credential"]

    private static func shown(_ tree: TemplateTree) -> String? {
        switch tree {
        case .template(_, let node): node.scalar.map { PlainLine.text($0.text, limit: 60) }
        case .literal(.object), .literal(.null), .object: nil
        case .literal(.list(let items)): PlainLine.text(items.map(\.text).joined(separator: " "), limit: 60)
        case .literal(let value): PlainLine.text(value.text, limit: 60)
        case .list(let items): PlainLine.text(items.compactMap(shown).joined(separator: " "), limit: 60)
        }
    }
}
