import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel runs cancel`
struct RunsCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel runs, whichever process works on them.",
        discussion: "Running steps are stopped within a second; the steps under `finally` still run.")

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The runs, by the beginnings of their ids, or `last`.", completion: PipelineCompletion.runs)
    var runs: [String]

    func run() async throws {
        let journal = try options.journal(of: options.project())
        try await withJournalErrors {
            _ = try await journal.reap()
            for name in runs {
                let id = try await journal.find(name).id
                switch try await journal.requestCancel(id, at: WallClock.nanoseconds()) {
                case .requested: Streams.output.write("\(id): being cancelled\n")
                case .cancelled: Streams.output.write("\(id): cancelled\n")
                case .ended(let state): Streams.output.write("\(id): has ended already: \(state.rawValue)\n")
                case .missing: Streams.output.write("\(id): is gone\n")
                }
            }
        }
        await journal.close()
    }
}
