import Hummingbird
import RunnelEngine
import RunnelKit

/// Checks whether the journal is writable by writing to it; the result is cached and shared by all callers.
struct ReadinessProbe: Sendable {
    /// The lifetime of a cached result.
    static let interval = Duration.seconds(2)
    /// The maximum wait of a caller.
    static let patience = Duration.seconds(3)

    private let failure: SharedReading<JournalError.Code?>

    init(journal: any Journal, clock: any Clock<Duration> = ContinuousClock()) {
        failure = SharedReading(clock: clock, lifetime: Self.interval) {
            do throws(JournalError) {
                try await journal.probe()
                return nil
            } catch {
                return error.code
            }
        }
    }

    /// The error code that prevents accepting runs; nil if there is none.
    func problem() async -> String? {
        // A timeout counts like a journal that is locked by another program.
        guard let code = await failure.value(within: Self.patience) else { return JournalError.Code.busy.rawValue }
        return code?.rawValue
    }
}

/// `/health/live` and `/health/ready`, for liveness and readiness probes. They need no token and reveal nothing else.
struct HealthRoutes: Sendable {
    let readiness: ReadinessProbe
    /// Whether an operator has drained this process, so that a load balancer should leave it out.
    let isDrained: @Sendable () -> Bool

    func add(to router: Router<ServerContext>) {
        router.get("/health/live") { _, _ in Response.json(["status": "ok"]) }
        router.get("/health/ready") { _, _ in
            let problem = await readiness.problem() ?? (isDrained() ? "drained" : nil)
            guard let problem else { return Response.json(["status": "ok"]) }
            return Response.json(["status": "failing", "reason": .string(problem)], status: 503)
        }
    }
}
