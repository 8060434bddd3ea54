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
        let (end, _) = try await withInterrupt {
            try await withJournalErrors { try await command.watch(journal) }
        }
        await journal.close()
        switch end.state {
        case .succeeded: return
        case .queued, .running, .waiting:
            Streams.error.write("\nThe run goes on; `runnel runs cancel \(end.id)` ends it.\n")
            throw ExitStatus.interrupted
        case .failed, .cancelled, .skipped: throw ExitStatus.runFailed
        }
    }

    private func watch(_ journal: any Journal) async throws -> RunRecord {
        var record = try await journal.find(run)
        var renderer = EventRenderer(to: Streams.output, style: .standardOutput)
        var next = 0
        var version: Int64 = -1
        while !Task.isCancelled {
            // What a cancelled reader throws is no fault of the journal.
            guard let current = try await Self.unlessCancelled({ try await journal.version() }) else { break }
            if current != version {
                version = current
                // Read before the events: if it has ended, all its events are stored.
                let id = record.id
                record = (try await Self.unlessCancelled { try await journal.run(id) }).flatMap(\.self) ?? record
                while let events = try await Self.unlessCancelled({
                    [next] in try await journal.events(of: id, from: next, limit: 1000)
                }), !events.isEmpty {
                    for (number, event) in events {
                        next = number + 1
                        if !json, let event = RunEvent(json: event, runID: id) {
                            renderer.show(event)
                        } else {
                            Streams.output.write(json: event)
                        }
                    }
                }
            }
            if record.state.isFinal { break }
            if !json, let width = LiveLine.width {
                LiveLine.draw(renderer.liveLine(now: WallClock.nanoseconds(), width: width))
            }
            try? await ContinuousClock().sleep(for: .milliseconds(100))
        }
        LiveLine.draw(nil)
        renderer.finish()
        return record
    }

    /// What `body` returns; nil when the task is cancelled meanwhile.
    private static func unlessCancelled<Result>(_ body: () async throws -> Result) async throws -> Result? {
        do {
            return try await body()
        } catch {
            guard Task.isCancelled else { throw error }
            return nil
        }
    }
}
