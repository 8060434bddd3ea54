import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel runs show`
struct RunsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a run: its steps, attempts, times, errors and outputs.",
        discussion: HelpText.text(
            examples: [
                "runnel runs show last": "The newest run, with long outputs shortened.",
                "runnel runs show last --state failed": "The newest run that failed.",
                "runnel runs show 01a2188c --full": "All of one run.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run: its id, an unambiguous prefix of it, or `last`.", completion: PipelineCompletion.runs)
    var run: String
    @Option(
        name: .customLong("state"),
        help: ArgumentHelp("With `last`: only runs in this state; can be repeated.", valueName: "state"))
    var states: [SeenRunState] = []
    @Option(help: "With `last`: only runs of this pipeline.", completion: PipelineCompletion.names)
    var pipeline: String?
    @Flag(help: "Show outputs in full.") var full = false
    @Flag(help: "Print a JSON object.") var json = false

    func validate() throws {
        if run != "last", !states.isEmpty || pipeline != nil {
            throw ValidationError("--state and --pipeline go with `last`, such as in `runs show last --state failed`")
        }
    }

    func run() async throws {
        let journal = try options.journal(of: options.project())
        try await withJournalErrors(closing: journal) {
            let record = try await journal.asSeen(journal.find(run, states: states, pipeline: pipeline))
            let steps = try await journal.steps(of: record.id)
            let events = try await journal.events(of: record.id, from: 0, limit: 100_000)
            if json {
                var object = record.json(isFull: true).asObject ?? [:]
                object["steps"] = .list(steps.map(\.json))
                object["events"] = .list(events.map(\.event))
                Streams.output.write(json: .object(object), isPretty: true)
            } else {
                var view = RunView(style: .standardOutput, isFull: full, width: Streams.output.width)
                if let id = record.retriedBy, let retry = try await journal.progress(of: id) {
                    view.retry = try await journal.asSeen(retry)
                }
                let happened = events.compactMap { RunEvent(json: $0.event, runID: record.id) }
                Streams.output.write(styled: view.text(record, steps, happened))
            }
        }
    }
}
