import Logging
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// Enforces the retention settings of `journal:` in runnel.yaml.
struct Housekeeping: Sendable {
    let journal: any Journal
    let retention: Retention
    let logger: Logger

    /// The pause between batches: while there is something to remove, and otherwise.
    private static let intervals = (busy: Duration.seconds(1), idle: Duration.seconds(5))

    /// Runs until the task is cancelled.
    func run() async {
        var problem: JournalError.Code?
        while !Task.isCancelled {
            var interval = Self.intervals.idle
            do throws(JournalError) {
                let report = try await journal.prune(retention, now: WallClock.nanoseconds())
                if report.runs > 0 { interval = Self.intervals.busy }
                problem = nil
            } catch {
                if Task.isCancelled { return }
                if error.code != problem { logger.error("cannot remove old runs: \(error)") }
                problem = error.code
            }
            try? await ContinuousClock().sleep(for: interval)
        }
    }

    /// One brief pass at the end of a command; what remains is done next time.
    func runBriefly() async {
        _ = try? await journal.prune(retention, now: WallClock.nanoseconds(), within: .seconds(1))
    }
}
