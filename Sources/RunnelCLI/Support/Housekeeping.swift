import Logging
import RunnelEngine
import RunnelKit

/// Keeps the journal within what `journal:` in runnel.yaml says.
struct Housekeeping: Sendable {
    let journal: any Journal
    let retention: Retention
    let logger: Logger

    /// Between two looks: while there is something to remove, and otherwise.
    private static let intervals = (busy: Duration.seconds(1), idle: Duration.seconds(5))

    /// Until the task is cancelled.
    func run() async {
        var problem: String?
        while !Task.isCancelled {
            var interval = Self.intervals.idle
            do throws(JournalError) {
                let report = try await journal.prune(retention, now: WallClock.nanoseconds())
                if report.runs > 0 { interval = Self.intervals.busy }
                problem = nil
            } catch {
                if Task.isCancelled { return }
                if error.code != problem { logger.error("old runs cannot be removed: \(error)") }
                problem = error.code
            }
            try? await ContinuousClock().sleep(for: interval)
        }
    }

    /// For a command that is about to end: what cannot be done now is done the next time.
    func runBriefly() async {
        _ = try? await journal.prune(retention, now: WallClock.nanoseconds(), within: .seconds(1))
    }
}
