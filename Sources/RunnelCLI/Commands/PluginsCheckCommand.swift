import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport
import RunnelTesting

/// `runnel plugins check`
struct PluginsCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Start a trigger of a plugin, and check that it keeps its promises.",
        discussion: HelpText.text(
            """
            Nothing is written to the journal. Four events are needed: they have to happen outside while the check runs, \
            such as four new files for a trigger that looks for files. One of them is refused for a while, and the trigger \
            is stopped and started again between them, with the state that it stored.
            """,
            "Exit status: 0 all promises are kept, 1 one is not, 2 the plugin cannot be used.",
            examples: [
                "runnel plugins check ticker -e every=1": "The trigger of plugins/ticker.",
                "runnel plugins check mail --trigger mail.inbox -e host=127.0.0.1": "One of several.",
            ]))

    @Argument(help: "The plugin.") var name: String
    @Option(help: "The trigger, as under `on:`; needed if the plugin has several.") var trigger: String?
    @Option(
        name: [.customShort("e"), .customLong("entry")],
        help: ArgumentHelp("Set a key of the entry, as JSON or as text.", valueName: "key=value"))
    var entry: [String] = []
    @Option(help: ArgumentHelp("How long an event may take.", valueName: "duration")) var patience: String = "30s"
    @Flag(help: "What happens while the trigger does not run is no event.") var noCatchUp = false
    @OptionGroup var options: ProjectOptions

    func run() async throws {
        guard let limit = DurationText.parse(patience) else {
            throw ValidationError("--patience \(patience): expected a duration such as 30s")
        }
        let project = try options.project(runsCommands: true)
        let plugins = try await ProjectPlugins.load(project)
        guard let plugin = plugins.registry.plugins.first(where: { $0.name == name }) else {
            plugins.write(redactor: project.redactor)
            throw ExitStatus.usage.reporting(
                "there is no plugin \"\(name)\"",
                hint: Suggestion.hint(for: name, among: plugins.registry.plugins.map(\.name)))
        }
        let definition = try chosen(of: plugin)
        var harness = TriggerHarness()
        harness.project = project.files(granted: [])
        harness.key = definition.name
        harness.now = WallClock.nanoseconds
        await plugin.registerServices(in: harness.services)
        let conformance = TriggerConformance(
            definition, entry: try settings(), harness: harness, patience: limit, keepsPosition: !noCatchUp)
        let findings = await conformance.findings { number in
            Streams.error.write("make event \(number) of 4 happen now\n")
        }
        await harness.services.shutDown()
        for event in await harness.runs.accepted {
            let line = "\(event.dedupeKey ?? "-")  \(Value.object(event.payload).json())"
            Streams.output.write(project.redactor.redact(TerminalText.line(line)) + "\n")
        }
        guard findings.isEmpty else {
            for finding in findings { Streams.error.write("error: \(project.redactor.redact(finding.description))\n") }
            throw ExitStatus.runFailed
        }
        Streams.error.write("\(definition.name) keeps its promises\n")
    }

    private func chosen(of plugin: any Plugin) throws -> TriggerDefinition {
        let names = plugin.triggers.map(\.name)
        if let trigger {
            guard let found = plugin.triggers.first(where: { $0.name == trigger }) else {
                let hint = names.isEmpty ? "it has no triggers" : "its triggers are \(names.joined(separator: ", "))"
                throw ValidationError("the plugin \"\(name)\" has no trigger \"\(trigger)\": \(hint)")
            }
            return found
        }
        guard let only = plugin.triggers.first else {
            throw ValidationError("the plugin \"\(name)\" has no triggers; `runnel run` tries its steps")
        }
        guard names.count == 1 else {
            throw ValidationError("say which trigger with --trigger: \(names.joined(separator: ", "))")
        }
        return only
    }

    private func settings() throws -> ValueObject {
        var values = ValueObject()
        for item in entry {
            guard let (key, text) = NamedValue.split(item) else {
                throw ValidationError("--entry \(item): expected key=value")
            }
            values[key] = (try? Value.json(Array(text.utf8))) ?? .string(text)
        }
        return values
    }
}
