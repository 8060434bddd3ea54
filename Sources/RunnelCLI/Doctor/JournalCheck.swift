import LibC
import RunnelEngine
import RunnelKit
import RunnelStore
internal import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Checks the journal and its folder.
enum JournalCheck {
    private static let second: Int64 = 1_000_000_000

    static func findings(_ project: Project) async -> [HealthFinding] {
        let folder = project.stateDirectory
        let written = FileReading.exists(folder) ? folder : project.directory
        guard access(written, W_OK | X_OK) == 0 else {
            return [
                .problem(
                    "journal", "\(written) is not writable",
                    "make the user who runs Runnel its owner: chown -R USER \(written)")
            ]
        }
        let journal: any Journal
        do throws(JournalError) {
            guard let existing = try JournalSetup.existing(of: project, migrates: false) else {
                let place = try JournalSetup.place(of: project)
                return [.good("journal", "does not exist yet; the first run creates it in \(place)")]
            }
            journal = existing
        } catch {
            let level: HealthFinding.Level = error.code == .older ? .warning : .problem
            return [HealthFinding(level: level, subject: "journal", text: error.message, hint: error.hint)]
        }
        var findings: [HealthFinding] = []
        do throws(JournalError) {
            findings = try await look(into: journal, project)
            // As `/health/ready` does: a journal that can only be read accepts no run.
            try await journal.probe()
        } catch {
            findings.append(.problem("journal", error.message, error.hint))
        }
        await journal.close()
        return findings
    }

    private static func look(
        into journal: any Journal, _ project: Project
    ) async throws(JournalError) -> [HealthFinding] {
        let folder = project.stateDirectory
        let database = try JournalSetup.configuration(of: project)
        var (problems, losses): ([String], [String]) = ([], [])
        for damage in try await journal.check() {
            switch damage {
            case .database(let problem): problems.append(problem)
            case .value(let runID): losses.append(runID)
            }
        }
        guard problems.isEmpty else {
            return problems.map {
                .problem(
                    "journal", "it is damaged: \($0)",
                    database == nil
                        ? "stop Runnel, back up \(folder), and try `sqlite3 journal.db .recover`"
                        : "restore the database from a backup")
            }
        }
        let (queued, interrupted) = try await queuedCounts(in: journal)
        let waiting = try await journal.waitingCount()
        let newest = try await journal.runs(RunFilter(limit: 1)).first
        let size = (try? FileManager.default.attributesOfItem(atPath: folder + "/journal.db")[.size] as? Int) ?? 0
        var findings: [HealthFinding] = [
            .good(
                "journal",
                "sound, \(database?.place ?? readable(bytes: size)), \(queued) run\(queued == 1 ? "" : "s") queued, \(waiting) waiting"
            )
        ]
        if !losses.isEmpty { findings.append(lost(losses)) }
        if (journal as? PostgresJournal)?.isBehindProxy ?? false {
            findings.append(.good("journal", PostgresJournal.proxyNotice))
        }
        let workers = try await journal.workers()
        let statuses = try await WorkerStatus.all(in: journal)
        if !statuses.isEmpty {
            let lead = statuses.compactMap(\.worker.clockLead).map { $0 < .zero ? .zero - $0 : $0 }.max()
            let clocks =
                lead.map { "; clocks within \(Int64($0.milliseconds.rounded(.up))) ms of the database's" } ?? ""
            let names = statuses.map { status in
                let version = status.worker.version.isEmpty ? "" : " \(status.worker.version)"
                return "\(status.worker.name)\(version) \(status.state.rawValue)"
            }
            findings.append(.good("workers", names.joined(separator: ", ") + clocks))
        }
        for problem in Set(workers.compactMap(\.clockProblem)).sorted() {
            findings.append(.problem("clock", problem, "start chrony or systemd-timesyncd on both machines"))
        }
        if !statuses.isEmpty, statuses.allSatisfy(\.worker.isDrained) {
            findings.append(
                .warning("workers", "all are drained, so nobody takes runs", "`runnel workers undrain NAME`"))
        }
        for held in try await journal.heldRuns() { findings.append(.warning("workers", held.message, held.hint)) }
        if queued + waiting > 0, workers.isEmpty {
            findings.append(
                .warning(
                    "journal", "no worker is running for the queued and waiting runs",
                    "start `runnel serve`, or `runnel runs resume --all`"))
        }
        if interrupted > 0 {
            findings.append(
                .warning(
                    "journal",
                    "\(interrupted) run\(interrupted == 1 ? " is" : "s are") interrupted: the process that worked on "
                        + "\(interrupted == 1 ? "it" : "them") has ended",
                    "`runnel serve` goes on with \(interrupted == 1 ? "it" : "them"), or `runnel runs resume --all`"))
        }
        let now = WallClock.nanoseconds()
        if let newest, newest.createdAt > now + 60 * second {
            findings.append(
                .problem(
                    "clock", "the newest run is from \(LocalTime.text(newest.createdAt)), which is in the future",
                    "the clock was or is wrong; schedules wait until it has caught up"))
        }
        return findings
    }

    /// - Parameter values: The run of each value that is missing or damaged.
    private static func lost(_ values: [String]) -> HealthFinding {
        let runs = Set(values).sorted()
        let more = runs.count > 3 ? " and \(runs.count - 3) more" : ""
        return .warning(
            "journal",
            "\(values.count) large value\(values.count == 1 ? " is" : "s are") missing or damaged, of the "
                + "run\(runs.count == 1 ? "" : "s") \(runs.prefix(3).joined(separator: ", "))\(more)",
            "`runnel runs retry ID` runs one again if its input is not lost; a backup may hold the value")
    }

    /// How many runs have not begun, and how many were interrupted.
    private static func queuedCounts(
        in journal: any Journal
    ) async throws(JournalError) -> (queued: Int, interrupted: Int) {
        var filter = RunFilter(states: [.queued], limit: 1000)
        var counts = (queued: 0, interrupted: 0)
        repeat {
            let page = try await journal.seenPage(filter)
            let interrupted = page.runs.count { $0.isInterrupted }
            counts.interrupted += interrupted
            counts.queued += page.runs.count - interrupted
            filter.before = page.next
        } while filter.before != nil
        return counts
    }
}
