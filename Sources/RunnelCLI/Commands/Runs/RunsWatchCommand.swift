import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel runs watch`
struct RunsWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow a run in progress, in any process.",
        discussion: HelpText.text(
            "Ctrl-C ends the command, not the run.",
            "Exit status: 0 the run succeeded, 1 it did not, 130 interrupted.",
            examples: [
                "runnel runs watch last": "Follows the newest run until its end."
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run: its id, an unambiguous prefix of it, or `last`.", completion: PipelineCompletion.runs)
    var run: String
    @Flag(help: "Write every run event as a line of JSON to standard output.") var json = false

    func run() async throws {
        let project = try options.project()
        let journal = try options.journal(of: project)
        let command = self
        let (end, _) = try await withJournalErrors(closing: journal) {
            try await withInterrupt { try await command.watch(journal) }
        }
        switch end.state {
        case .succeeded: return
        case .queued, .running, .waiting:
            Streams.error.write("\nThe run goes on; `runnel runs cancel \(end.id)` ends it.\n")
            throw ExitStatus.interrupted
        case .failed, .cancelled, .skipped: throw ExitStatus.runFailed
        }
    }

    private func watch(_ journal: any Journal) async throws -> RunRecord {
        var renderer = EventRenderer(to: Streams.output, style: .standardOutput)
        let record = try await StoredEvents(journal: journal, run: try await journal.find(run)).follow { id, event in
            if !json, let event = RunEvent(json: event, runID: id) {
                renderer.show(event)
            } else {
                Streams.output.write(json: event)
            }
        } pause: {
            guard !json, let width = LiveLine.width else { return }
            LiveLine.draw(renderer.liveLine(now: WallClock.nanoseconds(), width: width))
        }
        LiveLine.draw(nil)
        renderer.finish()
        return record
    }
}
