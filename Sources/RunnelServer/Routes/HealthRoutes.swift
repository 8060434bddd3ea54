import Hummingbird
import RunnelEngine
import RunnelKit

/// `/health/live` and `/health/ready`, for whoever watches over the process. They need no token and tell nothing else.
struct HealthRoutes: Sendable {
    let api: API

    func add(to router: Router<ServerContext>) {
        router.get("/health/live") { _, _ in Response.json(["status": "ok"]) }
        router.get("/health/ready") { _, _ in
            do throws(JournalError) {
                _ = try await api.journal.queuedCount()
                return Response.json(["status": "ok"])
            } catch {
                return Response.json(["status": "failing", "reason": .string(error.code)], status: 503)
            }
        }
    }
}
