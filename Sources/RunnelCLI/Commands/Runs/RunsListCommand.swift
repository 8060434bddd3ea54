import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs list`
struct RunsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List runs, the newest first.")

    @OptionGroup var options: ProjectOptions

    @Option(
        name: .customLong("state"),
        help: ArgumentHelp("Only runs in this state; can be repeated.", valueName: "state"))
    var states: [RunStateArgument] = []

    @Option(help: "Only runs of this pipeline.") var pipeline: String?

    @Option(help: ArgumentHelp("Only runs created within this period: `90m`, `2d`.", valueName: "duration"))
    var since: DurationArgument?

    @Option(help: "Maximum number of runs to list.") var limit = 50

    @Flag(help: "Print a JSON array.") var json = false

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    func run() async throws {
        let journal = try options.journal(of: options.project())
        try await withJournalErrors {
            let runs = try await runs(in: journal)
            if json {
                Streams.output.write(json: .list(runs.map { $0.json(isFull: false) }), isPretty: true)
            } else if runs.isEmpty {
                Streams.error.write("no runs\n")
            } else {
                Streams.output.write(
                    styled: RunTable(style: .standardOutput, width: Streams.output.width).text(runs))
            }
        }
        await journal.close()
    }

    private func runs(in journal: any Journal) async throws -> [RunRecord] {
        let wanted = Set(states.map(\.rawValue))
        var filter = RunFilter(
            states: Set(states.flatMap(\.journalStates)), pipeline: pipeline,
            since: since.map { WallClock.nanoseconds() - $0.duration.wholeNanoseconds }, limit: limit)
        var found: [RunRecord] = []
        while true {
            let page = try await journal.runs(filter)
            found += try await journal.asSeen(page).filter { wanted.isEmpty || wanted.contains($0.stateText) }
            filter.before = page.last?.id
            guard found.count < limit, page.count == limit else { return Array(found.prefix(limit)) }
        }
    }
}

extension Duration {
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
