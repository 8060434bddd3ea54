import Hummingbird
import RunnelEngine
import RunnelKit

/// `/api/v1/audit`, `/api/v1/budgets`, `/api/v1/workers` and `/api/v1/sign-in-links`.
struct OperatorRoutes: Sendable {
    let api: API
    let sessions: DashboardSessions
    let prices: PriceTable

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/audit") { request, _ in
            let query = try Query(request, known: ["before", "limit"])
            let before = try query.number("before", in: 1...Int.max)
            let limit = try query.number("limit", in: 1...1000) ?? 100
            let entries = try await withJournal {
                try await api.journal.operators.audit(before: before.map { Int64($0) }, limit: limit)
            }
            return Response.json(.list(entries.map(\.json)))
        }
        group.get("/budgets") { request, context in
            _ = try Query(request, known: [])
            return Response.json(.list(try await api.budgets(at: context.now, prices).map(\.json)))
        }
        group.get("/workers") { request, _ in
            _ = try Query(request, known: [])
            let workers = try await withJournal { try await WorkerStatus.all(in: api.journal) }
            return Response.json(.list(workers.map(\.json)))
        }
        for (word, isDrained) in [("drain", true), ("undrain", false)] {
            group.post("/workers/:name/\(word)") { request, context in
                _ = try Query(request, known: [])
                let worker = try await api.setWorker(
                    context.parameter("name"), isDrained: isDrained, by: Operator(context))
                return Response.json(worker.json)
            }
        }
        group.post("/sign-in-links") { request, context in
            let query = try Query(request, known: ["to", "seconds"])
            let longest = DashboardSessions.linkLifetime
            let path = sessions.signInPath(
                to: DashboardRoutes.local(try query.one("to")), as: context.caller,
                within: try query.number("seconds", in: 1...longest) ?? longest, now: context.now)
            // The token may have been replaced since the check: a caller with its old value must not get a link of the
            // new one.
            guard await context.isAdmitted() else { throw BearerAuthMiddleware.unauthorized }
            return Response.json(["path": .string(path)])
        }
    }
}

extension API {
    /// How far the budgets are used up at a time, in nanoseconds since 1970.
    func budgets(at time: Int64, _ prices: PriceTable) async throws -> [BudgetStatus] {
        try await withJournal {
            try await host.budgets(MonitoringContext(now: time, journal: journal, prices: prices))
        }
    }
}
