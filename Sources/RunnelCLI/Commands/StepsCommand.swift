import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel steps`
struct StepsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steps", abstract: "List the steps a pipeline can use, or show the reference of one.")

    @Argument(help: "The step's name, as in `uses:`.") var name: String?

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
                let padding = String(repeating: " ", count: width - name.count)
                Streams.output.write("\(name)\(padding)  \(registry[name]?.summary ?? "")\n")
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
        Streams.output.write(StepReference(step).text)
    }
}
