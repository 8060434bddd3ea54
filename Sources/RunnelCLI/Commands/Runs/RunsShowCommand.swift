import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel runs show`
struct RunsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a run: its steps, attempts, times, errors and outputs.")

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run, by the beginning of its id, or `last`.", completion: PipelineCompletion.runs) var run:
        String
    @Flag(help: "Show outputs whole.") var full = false
    @Flag(help: "Print a JSON object.") var json = false

    func run() async throws {
        let journal = try options.journal(of: options.project())
        try await withJournalErrors {
            let record = try await journal.find(run)
            let steps = try await journal.steps(of: record.id)
            let events = try await journal.events(of: record.id, from: 0, limit: 100_000)
            if json {
                var object = record.json(isFull: true).asObject ?? [:]
                object["steps"] = .list(steps.map(\.json))
                object["events"] = .list(events.map(\.event))
                Streams.output.write(json: .object(object), isPretty: true)
            } else {
                let view = RunView(style: .standardOutput, isFull: full)
                Streams.output.write(styled: view.text(record, steps, events.map(\.event)))
            }
        }
        await journal.close()
    }
}
