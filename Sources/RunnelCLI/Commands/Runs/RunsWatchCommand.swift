import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel runs watch`
struct RunsWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show a run as it goes on, whichever process works on it.",
        discussion: "The exit status is the run's: 0 when it succeeded, 1 otherwise.")

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The run, by the beginning of its id, or `last`.", completion: PipelineCompletion.runs) var run:
        String
    @Flag(help: "Write every event as a line of JSON to standard output.") var json = false

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
        case .queued, .running, .waiting: throw ExitStatus.interrupted
        case .failed, .cancelled, .skipped: throw ExitStatus.runFailed
        }
    }

    private func watch(_ journal: any Journal) async throws -> RunRecord {
        var record = try await journal.find(run)
        let view = EventLines(style: .standardOutput, isJSON: json)
        var next = 0
        var version: Int64 = -1
        while true {
            let current = try await journal.version()
            if current != version {
                version = current
                // Looked up before the events: once it has ended, all of them are there.
                record = try await journal.run(record.id) ?? record
                while case let events = try await journal.events(of: record.id, from: next, limit: 1000),
                    !events.isEmpty
                {
                    for (number, event) in events {
                        next = number + 1
                        view.write(event)
                    }
                }
            }
            if record.state.isFinal || Task.isCancelled { return record }
            try? await ContinuousClock().sleep(for: .milliseconds(100))
        }
    }
}
