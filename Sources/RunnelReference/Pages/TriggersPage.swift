import RunnelKit

/// `triggers.md`: every registered trigger.
enum TriggersPage {
    static func text(_ registry: StepRegistry) -> String {
        let triggers = registry.triggerNames.compactMap { registry.trigger(named: $0) }
        let list = triggers.map { "- [`\($0.name)`](#\(Markdown.anchor($0.name))): \($0.summary)\n" }.joined()
        return """
            # Triggers

            What `on:` can name: what starts runs under `runnel serve`. Each key has one entry or a list of them.
            Templates in an entry know `secrets` and `env` only, because there is no run yet. `manual:` may stand there
            too and says what is always possible: a person starts the run.

            \(list)

            """ + triggers.map(section).joined(separator: "\n")
    }

    private static func section(_ trigger: TriggerDefinition) -> String {
        let documentation = trigger.documentation
        var parts = ["## \(trigger.name)\n", trigger.summary + "\n"]
        if !documentation.details.isEmpty { parts.append(documentation.details + "\n") }
        parts.append(KeyTable.text(trigger.schema))
        if !trigger.rules.isEmpty { parts.append(KeyTable.text(trigger.rules) + "\n") }
        let payload =
            [["`trigger.type`", Markdown.code(trigger.name)]]
            + documentation.payload.map { [Markdown.code("trigger.\($0.name)"), $0.help] }
        parts.append("Templates find:\n")
        parts.append(Markdown.table(["name", "meaning"], payload))
        for example in documentation.examples {
            parts.append("\(example.title):\n")
            let lines = example.yaml.split(separator: "\n", omittingEmptySubsequences: false)
            parts.append(Markdown.yaml("on:\n" + lines.map { $0.isEmpty ? "" : "  \($0)" }.joined(separator: "\n")))
        }
        return parts.joined(separator: "\n")
    }
}
