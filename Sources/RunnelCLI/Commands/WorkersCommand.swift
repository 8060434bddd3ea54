import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel workers`
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Show the processes that work on runs of the journal, on all machines.",
        discussion: HelpText.text(examples: ["runnel workers": "Where each one runs, since when, and its runs."]))

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Print a JSON list.") var json = false

    func run() async throws {
        let journal = try options.journal(of: try options.project(runsCommands: true))
        let rows = try await withJournalErrors {
            let presences = Dictionary(
                try await journal.observe().map { ($0.id, $0.presence) }, uniquingKeysWith: { first, _ in first })
            var rows: [Row] = []
            for worker in try await journal.workers() {
                let leases = try await journal.leases(of: worker.id)
                rows.append(Row(worker: worker, isGone: presences[worker.id] == .died, leases: leases))
            }
            return rows
        }
        await journal.close()
        if json {
            Streams.output.write(json: .list(rows.map(\.json)), isPretty: true)
        } else if rows.isEmpty {
            Streams.error.write("no workers\n")
        } else {
            Streams.output.write(styled: Self.text(rows, .standardOutput))
        }
    }

    private struct Row {
        let worker: WorkerRecord
        /// Whether its process has ended without leaving.
        let isGone: Bool
        let leases: [Lease]

        var json: Value {
            [
                "id": .string(worker.id.text), "host": .string(worker.host), "process": .int(Int64(worker.processID)),
                "role": .string(worker.role), "since": .string(Timestamp.text(nanoseconds: worker.startedAt)),
                "gone": .bool(isGone),
                "runs": .list(
                    leases.map { ["run": .string($0.runID), "epoch": .int($0.epoch)] }),
            ]
        }
    }

    private static func text(_ rows: [Row], _ style: TextStyle) -> String {
        let hosts = rows.map { style.line($0.worker.host) }
        let width = max(4, hosts.map(\.count).max() ?? 4)
        var lines = [style.dim("\("HOST".padded(to: width))  PROCESS  ROLE   RUNS  SINCE")]
        for (row, host) in zip(rows, hosts) {
            let (worker, runs) = (row.worker, "\(row.leases.count)")
            let gone = row.isGone ? "  " + style.red("its process has ended") : ""
            lines.append(
                "\(host.padded(to: width))  \("\(worker.processID)".padded(to: 7))  "
                    + "\(style.line(worker.role).padded(to: 5))  \(runs.padded(to: 4))  "
                    + "\(LocalTime.text(worker.startedAt))\(gone)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
