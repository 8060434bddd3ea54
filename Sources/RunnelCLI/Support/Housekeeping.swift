import Logging
import RunnelEngine
import RunnelKit

/// Keeps the journal within what `journal:` in runnel.yaml says.
struct Housekeeping: Sendable {
    let journal: any Journal
    let retention: Retention
    let logger: Logger

    private static let interval = Duration.seconds(5)

    /// Until the task is cancelled.
    func run() async {
        var problem: String?
        while !Task.isCancelled {
            do throws(JournalError) {
                _ = try await journal.prune(retention, now: WallClock.nanoseconds())
                problem = nil
            } catch {
                if error.code != problem { logger.error("old runs cannot be removed: \(error)") }
                problem = error.code
            }
            try? await ContinuousClock().sleep(for: Self.interval)
        }
    }

    /// For a command that is about to end: what cannot be done now is done the next time.
    func runBriefly() async {
        _ = try? await journal.prune(retention, now: WallClock.nanoseconds(), within: .seconds(1))
    }
}
