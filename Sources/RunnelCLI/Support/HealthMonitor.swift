import Logging
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// Asks plugins for problems, for the trigger `health`.
struct HealthMonitor: Sendable {
    let plugins: [any MonitoringPlugin]
    let journal: any Journal
    let prices: PriceTable
    let board: HealthBoard
    let redactor: Redactor
    let logger: Logger

    private static let interval = Duration.seconds(5)

    /// Runs until the task is cancelled.
    func run() async {
        guard !plugins.isEmpty else { return }
        var problem: String?
        while !Task.isCancelled {
            do {
                try await look(at: WallClock.nanoseconds())
                problem = nil
            } catch {
                let words = redactor.redactMessage("\(error)")
                if !Task.isCancelled, words != problem {
                    logger.warning("problems cannot be looked for: \(words)")
                }
                problem = words
            }
            try? await ContinuousClock().sleep(untilNext: Self.interval)
        }
    }

    private func look(at now: Int64) async throws {
        let context = MonitoringContext(now: now, journal: journal, prices: prices)
        for plugin in plugins {
            let problems = try await plugin.problems(context)
            for kind in plugin.monitoredKinds {
                let own = problems.filter { $0.kind == kind }
                board.set(
                    kind,
                    Dictionary(
                        own.map { ($0.subject, redactor.redactMessage($0.message)) }, uniquingKeysWith: { $1 }))
            }
        }
    }
}
