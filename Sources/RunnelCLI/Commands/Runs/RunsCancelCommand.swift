import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs cancel`
struct RunsCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel runs of any process.",
        discussion: HelpText.text(
            """
            Running steps are stopped within a second. The steps under `finally` still run, also for a run that has \
            begun and waits or was interrupted; one that has not begun ends at once. Once `finally` runs, a second \
            request ends it.
            """,
            examples: [
                "runnel runs cancel last": "Cancels the newest run."
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(
        help: "The runs: their ids, unambiguous prefixes of them, or `last`.", completion: PipelineCompletion.runs)
    var runs: [String]

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project, migrates: true)
        try await withJournalErrors(closing: journal) {
            _ = try await journal.takeOverFromGone(
                TakeoverPolicy(deaths: project.settings.runs.deaths.number, now: WallClock.nanoseconds()))
            for name in runs {
                let id = try await journal.find(name).id
                let answer = try await RunService.cancel(id, in: journal)
                if [.requested, .endingFinally, .cancelled].contains(answer) {
                    try await journal.operators.record("cancel-run", of: id)
                }
                switch answer {
                case .requested, .endingFinally:
                    let text = try await words(for: id, endsFinally: answer == .endingFinally, in: journal)
                    Streams.output.write("\(id): \(text)\n")
                case .cancelled: Streams.output.write("\(id): cancelled\n")
                case .ended(let state): Streams.output.write("\(id): has already ended: \(state.rawValue)\n")
                case .missing: Streams.output.write("\(id): is gone\n")
                }
            }
        }
    }

    private func words(for id: String, endsFinally: Bool, in journal: any Journal) async throws -> String {
        guard try await journal.workers().isEmpty else {
            if endsFinally { return "its `finally` is being ended" }
            let stage = try await journal.progress(of: id)?.finallyStage
            return stage == .begun ? "its `finally` is running; cancel it again to end that" : "being cancelled"
        }
        if endsFinally {
            return
                "cancellation requested; its `finally` is cancelled when `runnel serve` or `runnel runs resume \(id)` "
                + "goes on with it"
        }
        return "cancellation requested; its `finally` runs with `runnel serve` or `runnel runs resume \(id)`"
    }
}
