import RunnelKit
import Templates

/// Names the triggers of a pipeline in the journal, so that what they remember survives changes of the file: by the `id`
/// of an entry, by what it listens to, or else by its place.
struct TriggerIdentities: Sendable {
    let registry: StepRegistry
    let values: ProjectValues
    let seal: SecretSeal

    /// The scope of entries under `on:`.
    var scope: DictionaryScope { DictionaryScope(values.scope) }

    /// The identities in the order of the pipeline's triggers, with secrets sealed.
    func all(of pipeline: Pipeline) -> [String] {
        var counts: [String: Int] = [:]
        let scope = scope
        return pipeline.triggers.map { trigger in
            let identity = identity(of: trigger, scope)
            counts[identity, default: 0] += 1
            let count = counts[identity, default: 1]
            return count == 1 ? identity : "\(identity) #\(count)"
        }
    }

    /// The names under which each trigger may have been known before: without its `id`, and by its place, as older
    /// versions did. The first entry of several may have been the only one, and the other way round.
    func former(of pipeline: Pipeline) -> [[String]] {
        let scope = scope
        return pipeline.triggers.map { trigger in
            let first = [trigger.kind, "\(trigger.kind)[0]"]
            let places = [trigger.key] + (first.contains(trigger.key) ? first.filter { $0 != trigger.key } : [])
            return trigger.id == nil ? places : [listening(trigger, scope)] + places
        }
    }

    private func identity(of trigger: TriggerDeclaration, _ scope: DictionaryScope) -> String {
        trigger.id.map { "\(trigger.kind)#\($0)" } ?? listening(trigger, scope)
    }

    /// What the trigger listens to, or else its place.
    private func listening(_ trigger: TriggerDeclaration, _ scope: DictionaryScope) -> String {
        guard let entry = try? trigger.entry.render(scope).asObject ?? [:],
            let text = registry.trigger(named: trigger.kind)?.identity(entry)
        else { return trigger.key }
        return seal.seal("\(trigger.kind) \(text)")
    }

    /// The trigger's kind, which every identity begins with.
    static func kind(of identity: String) -> String {
        String(identity.prefix { $0 != " " && $0 != "#" && $0 != "[" })
    }
}
