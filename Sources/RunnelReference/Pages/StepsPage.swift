import RunnelKit

/// `steps.md`: every registered step.
enum StepsPage {
    static func text(_ registry: StepRegistry) -> String {
        let steps = registry.names.compactMap { registry[$0] }
        let list = steps.map { "- [`\($0.name)`](#\(Markdown.anchor($0.name))): \($0.summary)\n" }.joined()
        return """
            # Steps

            What `uses:` can name, and the keys of `with:` for each. A template may stand in the place of any value.
            `runnel steps NAME` prints the same, also for the steps of plugins of your own.

            \(list)

            """ + steps.map(section).joined(separator: "\n")
    }

    private static func section(_ step: StepDefinition) -> String {
        let documentation = step.documentation
        let keys = KeyTable.text(step.schema)
        var parts = ["## \(step.name)\n", step.summary + "\n"]
        if !documentation.details.isEmpty { parts.append(documentation.details + "\n") }
        parts.append(keys.isEmpty ? "It has no keys.\n" : keys)
        if !step.rules.isEmpty { parts.append(KeyTable.text(step.rules) + "\n") }
        if !documentation.output.isEmpty { parts.append("**Output.** \(documentation.output)\n") }
        if step.isRepeatable {
            parts.append("**Repeatable.** Running it once more costs nothing and changes nothing.\n")
        }
        for example in documentation.examples {
            parts.append("\(example.title):\n")
            parts.append(Markdown.yaml(example.yaml.asListItem))
        }
        return parts.joined(separator: "\n")
    }
}

extension String {
    /// An entry of a list in YAML.
    fileprivate var asListItem: String {
        split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { $0.element.isEmpty ? "" : ($0.offset == 0 ? "- " : "  ") + $0.element }.joined(separator: "\n")
    }
}
