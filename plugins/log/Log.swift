import Logging
public import RunnelKit

/// The step `log`.
struct Log: Step {
    enum Level: String, FieldChoice { case debug, info, warning, error }

    static let name = "log"
    static let inputKeys = ["message"]
    static let summary = "Writes a message to the log and shows it to watchers of the run."
    static let documentation = StepDocumentation(
        details: "Its output is its input, so it can be anywhere in a pipeline.",
        output: "The step's input, unchanged.",
        examples: [
            .init("Log a message", "uses: log\nwith: { message: \"{{ inputs.tone }} answer for {{ run.id }}\" }")
        ])

    @Field("The message; default is the step's input.") var message: String?
    @Field("The log level.") var level: Level = .info

    var isReadOnly: Bool { true }

    func run(_ context: StepContext) async throws -> Value {
        let message = message ?? context.input.text
        context.logger.log(level: Logger.Level(rawValue: level.rawValue) ?? .info, "\(message)")
        await context.report(.note(message))
        return context.input
    }
}

/// Writes to Runnel's log.
public struct LogPlugin: Plugin {
    public let name = "log"
    public let steps = [StepDefinition(Log.self)]

    public init() {}
}
