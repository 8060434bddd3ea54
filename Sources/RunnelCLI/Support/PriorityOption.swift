import ArgumentParser
import RunnelEngine
import RunnelKit

/// `--priority` of commands that start a run.
struct PriorityOption: ParsableArguments {
    // Unconditional, because negative numbers begin like options.
    @Option(
        name: .customLong("priority"), parsing: .unconditional,
        help: ArgumentHelp(
            "The priority of the run among queued ones, instead of the pipeline's: \(RunPriority.levels.lowerBound) to \(RunPriority.levels.upperBound).",
            valueName: "number"))
    var text: String?

    /// nil for that of the pipeline.
    var level: Int? { text.flatMap { try? Self.read($0).level } }

    private static func read(_ text: String) throws(FieldError) -> RunPriority {
        try RunPriority(field: Int64(text).map { .int($0) } ?? .string(text))
    }

    func validate() throws {
        guard let text else { return }
        do throws(FieldError) {
            _ = try Self.read(text)
        } catch {
            throw ValidationError("--priority \(text): \(error.message)")
        }
    }
}
