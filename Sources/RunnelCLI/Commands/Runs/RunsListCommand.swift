import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel runs list`
struct RunsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List runs, the newest first.")

    @OptionGroup var options: ProjectOptions

    @Option(
        name: .customLong("state"),
        help: ArgumentHelp("Only runs in this state; may be given several times.", valueName: "state"))
    var states: [RunStateArgument] = []

    @Option(help: "Only runs of this pipeline.") var pipeline: String?

    @Option(help: ArgumentHelp("Only runs of the last such time: `90m`, `2d`.", valueName: "duration"))
    var since: DurationArgument?

    @Option(help: "At most so many.") var limit = 50

    @Flag(help: "Print a JSON array.") var json = false

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    func run() async throws {
        let journal = try options.journal(of: options.project())
        try await withJournalErrors {
            let filter = RunFilter(
                states: Set(states.map(\.state)), pipeline: pipeline,
                since: since.map { WallClock.nanoseconds() - $0.duration.wholeNanoseconds }, limit: limit)
            let runs = try await journal.runs(filter)
            if json {
                Streams.output.write(json: .list(runs.map { $0.json(isFull: false) }), isPretty: true)
            } else if runs.isEmpty {
                Streams.error.write("no runs\n")
            } else {
                Streams.output.write(styled: RunTable(style: .standardOutput).text(runs))
            }
        }
        await journal.close()
    }
}

extension Duration {
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
