import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel steps`
struct StepsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steps", abstract: "List the steps a pipeline can use, or show the reference of one.",
        discussion: HelpText.text(
            examples: [
                "runnel steps": "All steps, with one line about each.",
                "runnel steps chat": "The reference of one step, with examples.",
            ]))

    @Argument(help: "The step's name, as in `uses:`.", completion: PipelineCompletion.stepTypes) var name: String?

    @OptionGroup var options: ProjectOptions

    @Flag(help: "Print the JSON schema of the step's `with:`.") var schema = false

    func validate() throws {
        if schema, name == nil { throw ValidationError("--schema needs the name of a step") }
    }

    func run() async throws {
        let registry = try await options.project().loader().registry
        guard let name else { return SummaryList.write(registry.names.map { ($0, registry[$0]?.summary ?? "") }) }
        guard let step = registry[name] else {
            let hint = Suggestion.hint(for: name, among: registry.names) ?? "`runnel steps` lists all steps"
            throw ExitStatus.usage.reporting("unknown step \"\(name)\"; \(hint)")
        }
        if schema { return Streams.output.write(json: step.schema, isPretty: true) }
        Streams.output.write(StepReference(step).text(width: Streams.output.width))
    }
}

/// Names with their summaries, one per line.
private enum SummaryList {
    static func write(_ items: [(name: String, summary: String)]) {
        let width = items.map(\.name.count).max() ?? 0
        for (name, summary) in items {
            let line = "\(name.padded(to: width))  \(summary)"
            Streams.output.write(TextWrap.wrap(line, width: Streams.output.width, hanging: width + 2) + "\n")
        }
    }
}

/// `runnel triggers`
struct TriggersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triggers", abstract: "List the triggers a pipeline can use, or show the reference of one.",
        discussion: HelpText.text(
            "`runnel trigger` (without s) starts a run as if one had fired.",
            examples: [
                "runnel triggers": "All triggers, with one line about each.",
                "runnel triggers watch": "The reference of one trigger, with examples.",
            ]))

    @Argument(help: "The trigger's name, as under `on:`.", completion: PipelineCompletion.triggerTypes)
    var name: String?

    @OptionGroup var options: ProjectOptions

    @Flag(help: "Print the JSON schema of an entry of the trigger.") var schema = false

    func validate() throws {
        if schema, name == nil { throw ValidationError("--schema needs the name of a trigger") }
    }

    func run() async throws {
        let registry = try await options.project().loader().registry
        guard let name else {
            let names = registry.triggerNames
            return SummaryList.write(names.map { ($0, registry.trigger(named: $0)?.summary ?? "") })
        }
        guard let trigger = registry.trigger(named: name) else {
            let hint =
                Suggestion.hint(for: name, among: registry.triggerNames) ?? "`runnel triggers` lists all triggers"
            throw ExitStatus.usage.reporting("unknown trigger \"\(name)\"; \(hint)")
        }
        if schema { return Streams.output.write(json: trigger.schema, isPretty: true) }
        Streams.output.write(StepReference(trigger).text(width: Streams.output.width))
    }
}
