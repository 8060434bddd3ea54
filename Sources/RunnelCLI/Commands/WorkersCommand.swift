import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel workers`
struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Show and drain the processes that work on runs, on all machines.",
        discussion: HelpText.text(
            examples: [
                "runnel workers": "Where each one runs, its version, state and clock.",
                "runnel workers drain web-1 --wait": "Returns when the worker on web-1 has finished its runs.",
            ]),
        subcommands: [WorkersListCommand.self, WorkersDrainCommand.self, WorkersUndrainCommand.self],
        defaultSubcommand: WorkersListCommand.self)
}

/// `runnel workers list`
struct WorkersListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the workers of the journal.",
        discussion: HelpText.text(
            """
            BEAT is the time since the last heartbeat, which comes every 5s. CLOCK is by how much the worker's clock is \
            ahead of the database's; more than 2s is a problem.
            """,
            examples: ["runnel workers list --json": "With ids, runs and epochs."]))

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Print a JSON list.") var json = false

    func run() async throws {
        let journal = try options.journal(of: try options.project(runsCommands: true))
        let workers = try await withJournalErrors(closing: journal) { try await WorkerStatus.all(in: journal) }
        if json {
            Streams.output.write(json: .list(workers.map(\.json)), isPretty: true)
        } else if workers.isEmpty {
            Streams.error.write("no workers\n")
        } else {
            Streams.output.write(styled: WorkerTable(workers).text(.standardOutput))
        }
    }
}

/// `runnel workers drain`
struct WorkersDrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let a worker finish its runs and take no more.",
        discussion: HelpText.text(
            """
            The worker learns of it within 5s, on whichever machine it is. It goes on to answer hooks and to run its \
            triggers; other workers take the runs that it accepts. `/health/ready` answers 503, so that a load balancer \
            leaves it out. It does not end by itself: stop it when it has no runs. A process that is started anew is not \
            drained.
            """,
            examples: [
                "runnel workers drain web-1 --wait && ssh web-1 systemctl restart runnel":
                    "An upgrade, one machine at a time."
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The worker's host, host/process, or id.") var worker: String
    @Flag(help: "Return when the worker has finished its runs.") var wait = false

    func run() async throws {
        let journal = try options.journal(of: try options.project(runsCommands: true), migrates: true)
        let drain = WorkerDrain(journal: journal)
        let status = try await withJournalErrors { try await drain.set(worker, isDrained: true) }
        let count = status.leases.count
        let rest = count == 0 ? "takes no more runs" : "finishes \(count) run\(count == 1 ? "" : "s") and takes no more"
        Streams.output.write("\(status.worker.name) \(rest)\n")
        let others = try await withJournalErrors { try await WorkerStatus.all(in: journal) }
        if !others.contains(where: { $0.state == .working && $0.worker.role == "serve" }) {
            Streams.error.write("warning: no other worker takes runs; what is accepted waits in the queue\n")
        }
        if wait {
            let isGone = try await withJournalErrors { try await drain.wait(for: status.worker) }
            Streams.output.write("\(status.worker.name) \(isGone ? "has ended" : "has finished its runs")\n")
        }
        await journal.close()
    }
}

/// `runnel workers undrain`
struct WorkersUndrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Let a drained worker take runs again.",
        discussion: HelpText.text(examples: ["runnel workers undrain web-1": "The worker learns of it within 5s."]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The worker's host, host/process, or id.") var worker: String

    func run() async throws {
        let journal = try options.journal(of: try options.project(runsCommands: true), migrates: true)
        let status = try await withJournalErrors(closing: journal) {
            try await WorkerDrain(journal: journal).set(worker, isDrained: false)
        }
        Streams.output.write("\(status.worker.name) takes runs again\n")
    }
}

/// Drains workers from the command line.
struct WorkerDrain {
    let journal: any Journal

    private static let interval = Duration.milliseconds(500)

    /// - Returns: The worker, with the runs that it has.
    func set(_ name: String, isDrained: Bool) async throws -> WorkerStatus {
        let found: WorkerStatus
        do {
            found = try WorkerStatus.find(name, in: try await WorkerStatus.all(in: journal))
        } catch let error as WorkerNameError {
            throw ExitStatus.usage.reporting(error.message)
        }
        let id = found.worker.id
        guard try await journal.operators.setWorker(id, isDrained: isDrained) else {
            throw ExitStatus.runFailed.reporting("the worker \(found.worker.name) has ended meanwhile")
        }
        try await journal.operators.record(
            isDrained ? "drain-worker" : "undrain-worker", of: found.worker.name, outcome: id.text)
        return found
    }

    /// Returns when the worker has learned that it is drained and has no runs.
    ///
    /// - Returns: Whether it is gone.
    func wait(for worker: WorkerRecord) async throws -> Bool {
        var wasIdle = false
        while true {
            guard let now = try await WorkerStatus.all(in: journal).first(where: { $0.worker.id == worker.id }) else {
                return true
            }
            // The worker may have been claiming a run when it read the drain with its heartbeat. The second look finds that run.
            let isIdle = now.worker.beat > worker.beat && now.leases.isEmpty
            if isIdle, wasIdle { return false }
            wasIdle = isIdle
            try await ContinuousClock().sleep(for: Self.interval)
        }
    }
}

/// A table of workers, at most 80 columns wide, with the problems of their clocks below it.
struct WorkerTable {
    private let workers: [WorkerStatus]
    private let now: Int64

    private static let width = 80
    private static let titles = ["WORKER", "ROLE", "VERSION", "STATE", "RUNS", "BEAT", "CLOCK", "SINCE"]

    init(_ workers: [WorkerStatus], now: Int64 = WallClock.nanoseconds()) {
        (self.workers, self.now) = (workers, now)
    }

    func text(_ style: TextStyle) -> String {
        let rows = workers.map { cells($0).map(style.line) }
        var widths = Self.titles.map(\.count)
        for row in rows { for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) } }
        let rest = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
        widths[0] = min(widths[0], max(12, Self.width - rest))
        func line(_ cells: [String]) -> String {
            zip(cells, widths).map { Self.cut($0, to: $1).padded(to: $1) }.joined(separator: "  ")
                .trimmingEnd
        }
        var lines = [style.dim(line(Self.titles))]
        for (worker, row) in zip(workers, rows) {
            lines.append(worker.state == .ended || worker.state == .silent ? style.red(line(row)) : line(row))
        }
        for worker in workers {
            if let problem = worker.worker.clockProblem { lines.append(style.red("✗ ") + style.safe(problem)) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func cells(_ status: WorkerStatus) -> [String] {
        let worker = status.worker
        return [
            worker.name, worker.role, worker.version.isEmpty ? "–" : worker.version, status.state.rawValue,
            "\(status.leases.count)", Self.seconds(worker.silence),
            worker.clockLead.map(Self.difference) ?? "–",
            LocalTime.short(worker.startedAt, now: now),
        ]
    }

    private static func difference(_ lead: Duration) -> String {
        let text = seconds(lead < .zero ? .zero - lead : lead)
        return text == "0.0s" ? text : (lead < .zero ? "-" : "+") + text
    }

    /// `0.3s`, `12s`, `3h`: short rather than exact.
    private static func seconds(_ duration: Duration) -> String {
        let seconds = duration.milliseconds / 1000
        if seconds < 10 { return "\((seconds * 10).rounded() / 10)s" }
        if seconds < 600 { return "\(Int(seconds))s" }
        return seconds < 36_000 ? "\(Int(seconds / 60))m" : "\(Int(min(seconds / 3600, 1e6)))h"
    }

    /// Truncates in the middle, so that the process id after a long host name stays visible.
    private static func cut(_ text: String, to width: Int) -> String {
        guard text.count > width else { return text }
        let tail = (width - 1) / 2
        return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
    }
}
