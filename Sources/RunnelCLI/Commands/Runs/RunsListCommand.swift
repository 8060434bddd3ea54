import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs list`
struct RunsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List runs, the newest first.",
        discussion: HelpText.text(
            examples: [
                "runnel runs list --state failed --since 12h": "The failed runs of the last twelve hours.",
                "runnel runs list --pipeline tickets --limit 5": "The last five runs of one pipeline.",
            ]))

    @OptionGroup var options: ProjectOptions

    @Option(
        name: .customLong("state"),
        help: ArgumentHelp("Only runs in this state; can be repeated.", valueName: "state"))
    var states: [SeenRunState] = []

    @Option(help: "Only runs of this pipeline.", completion: PipelineCompletion.names) var pipeline: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Only runs created within this period: `90m`, `2d`.", valueName: "duration"))
    var since: DurationArgument?

    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "Maximum number of runs to list.")
    var limit = 50

    @Flag(help: "Print a JSON array.") var json = false

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project)
        try await withJournalErrors(closing: journal) {
            let runs = try await runs(in: journal)
            if runs.isEmpty, let pipeline { try await PipelineNames.check(pipeline, in: journal, project) }
            if json {
                Streams.output.write(json: .list(runs.map { $0.json(isFull: false) }), isPretty: true)
            } else if runs.isEmpty {
                Streams.error.write("no runs\n")
            } else {
                Streams.output.write(
                    styled: RunTable(style: .standardOutput, width: Streams.output.width).text(runs))
            }
        }
    }

    private func runs(in journal: any Journal) async throws -> [RunRecord] {
        let wanted = Set(states)
        let filter = RunFilter(
            states: Set(wanted.map(\.stored)), pipeline: pipeline,
            since: since.map { WallClock.nanoseconds() - $0.duration.nanoseconds }, limit: limit)
        return try await journal.seenRuns(filter) { $0.isSeen(in: wanted) }
    }
}
