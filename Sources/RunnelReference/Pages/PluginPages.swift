public import RunnelKit

/// A plugin that is a program, for the reference.
public struct PluginDescription: Sendable {
    let name: String
    let description: String
    let settings: Value?
    let steps: [StepDefinition]
    let triggers: [TriggerDefinition]

    /// - Parameters:
    ///   - plugin: Its steps and triggers.
    ///   - description: What it does, in one sentence.
    ///   - settings: The JSON schema of its settings in `runnel.yaml`; nil if it has none.
    public init(_ plugin: any Plugin, description: String, settings: Value?) {
        name = plugin.name
        self.description = description
        self.settings = settings
        steps = plugin.steps
        triggers = plugin.triggers
    }
}

extension ReferencePages {
    /// Adds `plugins.md`, the reference of plugins that are programs, and its entry in the table of contents.
    public static func add(_ plugins: [PluginDescription], to pages: inout [String: String]) {
        pages["plugins.md"] = PluginsReference.text(plugins)
        pages["README.md", default: ""] +=
            "- [Plugins that ship as programs](plugins.md): their steps, triggers and settings\n"
    }
}

/// `plugins.md`: the plugins that ship as programs.
enum PluginsReference {
    static func text(_ plugins: [PluginDescription]) -> String {
        let list = plugins.map { plugin in
            "- [`\(plugin.name)`](#\(Markdown.anchor(heading(plugin)))): \(plugin.description)\n"
        }.joined()
        return """
            # Plugins that ship as programs

            Made from their `plugin.yaml`. Each is a folder that you copy into the project's `plugins/`;
            [plugins.md](../plugins.md#plugins-that-ship-as-programs) says from where. `runnel steps NAME` and
            `runnel triggers NAME` print the same.

            \(list)

            """ + plugins.map(section).joined(separator: "\n")
    }

    private static func heading(_ plugin: PluginDescription) -> String { "Plugin \(plugin.name)" }

    private static func section(_ plugin: PluginDescription) -> String {
        var parts = ["## \(heading(plugin))\n", plugin.description + "\n"]
        let settings = plugin.settings.map { KeyTable.text($0) } ?? ""
        if !settings.isEmpty {
            parts.append("Settings, as `plugins: { \(plugin.name): { … } }` in `runnel.yaml`:\n")
            parts.append(settings)
        }
        parts += plugin.steps.map { StepsReference.section($0, heading: "###") }
        parts += plugin.triggers.map { TriggersReference.section($0, heading: "###") }
        return parts.joined(separator: "\n")
    }
}
