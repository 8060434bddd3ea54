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
        guard let name else {
            let width = registry.names.map(\.count).max() ?? 0
            for name in registry.names {
                let line = "\(name.padded(to: width))  \(registry[name]?.summary ?? "")"
                Streams.output.write(TextWrap.wrap(line, width: Streams.output.width, hanging: width + 2) + "\n")
            }
            return
        }
        guard let step = registry[name] else {
            let closest = Suggestion.closest(to: name, among: registry.names)
            Streams.error.write(
                "error: unknown step \"\(name)\"; "
                    + (closest.map { "did you mean \"\($0)\"?" } ?? "`runnel steps` lists all steps") + "\n")
            throw ExitStatus.usage
        }
        if schema { return Streams.output.write(json: step.schema, isPretty: true) }
        Streams.output.write(StepReference(step).text(width: Streams.output.width))
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
            let width = registry.triggerNames.map(\.count).max() ?? 0
            for name in registry.triggerNames {
                let line = "\(name.padded(to: width))  \(registry.trigger(named: name)?.summary ?? "")"
                Streams.output.write(TextWrap.wrap(line, width: Streams.output.width, hanging: width + 2) + "\n")
            }
            return
        }
        guard let trigger = registry.trigger(named: name) else {
            let closest = Suggestion.closest(to: name, among: registry.triggerNames)
            Streams.error.write(
                "error: unknown trigger \"\(name)\"; "
                    + (closest.map { "did you mean \"\($0)\"?" } ?? "`runnel triggers` lists all triggers") + "\n")
            throw ExitStatus.usage
        }
        if schema { return Streams.output.write(json: trigger.schema, isPretty: true) }
        Streams.output.write(StepReference(trigger).text(width: Streams.output.width))
    }
}
