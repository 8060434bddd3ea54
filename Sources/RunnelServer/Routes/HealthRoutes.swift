import Hummingbird
import RunnelEngine
import RunnelKit

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
