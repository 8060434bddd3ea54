import Logging
import RunnelKit

/// The step `log`.
struct Log: Step {
    enum Level: String, FieldChoice { case debug, info, warning, error }

    static let name = "log"
    static let inputKeys = ["message"]
    static let summary = "Writes a message to the log and shows it to whoever watches the run."
    static let documentation = StepDocumentation(
        details: "Its output is its input, so it can stand anywhere in a pipeline.",
        output: "The step's input, unchanged.",
        examples: [
            .init("Say what is going on", "uses: log\nwith: { message: \"{{ inputs.tone }} answer for {{ run.id }}\" }")
        ])

    @Field("What is logged; the step's input unless given.") var message: String?
    @Field("How important it is.") var level: Level = .info

    var isReadOnly: Bool { true }

    func run(_ context: StepContext) async throws -> Value {
        let message = message ?? context.input.text
        context.logger.log(level: Logger.Level(rawValue: level.rawValue) ?? .info, "\(message)")
        await context.report(.note(message))
        return context.input
    }
}
