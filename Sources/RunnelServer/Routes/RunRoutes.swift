import HTTPServing
import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit

/// `/api/v1/runs`: lists, shows, follows, cancels and retries runs.
struct RunRoutes: Sendable {
    let api: API
    let bodies: BodyReading
    let answersEnd: Latch

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/runs") { request, _ in try await list(request) }
        group.get("/runs/:id") { request, context in
            let run = try await find(request, context)
            let steps = try await withJournal { try await api.journal.steps(of: run.id) }
            var object = run.json(isFull: true).asObject ?? [:]
            object["trace_id"] = api.queue.traceID(of: run).map { .string($0) }
            object["steps"] = .list(steps.map(\.json))
            return Response.json(.object(object))
        }
        group.post("/runs/:id/cancel") { request, context in
            let run = try await find(request, context)
            let answer = try await api.cancel(run.id, by: Operator(context))
            return answer == .cancelled
                ? Response.json(["run": .string(run.id), "status": "cancelled"])
                : Response.json(["run": .string(run.id), "status": "cancelling"], status: 202)
        }
        group.post("/runs/:id/retry") { request, context in try await retry(request, context) }
        group.get("/runs/:id/events") { request, context in
            let run = try await find(request, context)
            return EventStream(journal: api.journal, runID: run.id, answersEnd: answersEnd).response(
                from: try EventStream.firstNumber(request), context)
        }
    }

    private func find(
        _ request: Request, _ context: ServerContext, parameters: [String] = []
    ) async throws -> RunRecord {
        _ = try Query(request, known: parameters)
        let id = context.parameter("id")
        guard let run = try await withJournal({ try await api.journal.run(id) }) else {
            throw APIError(404, .noSuchRun, "there is no run \(Value.string(id).quoted(limit: 200))")
        }
        return try await withJournal { try await api.journal.asSeen(run) }
    }

    private func list(_ request: Request) async throws -> Response {
        let query = try Query(request, known: ["state", "pipeline", "before", "limit"])
        var filter = RunFilter()
        for text in query.all("state") {
            guard let state = RunState(rawValue: text) else {
                let states = RunState.allCases.map(\.rawValue).joined(separator: ", ")
                throw Query.error("there is no state \(Value.string(text).quoted()); there are \(states)")
            }
            filter.states.insert(state)
        }
        filter.pipeline = try query.one("pipeline")
        filter.before = try query.runID("before")
        if let limit = try query.number("limit", in: 1...1000) { filter.limit = limit }
        let runs = try await withJournal { [filter] in try await api.journal.seenRuns(filter) }
        return Response.json(.list(runs.map { $0.json(isFull: false) }))
    }

    /// Starts a new run with the same input and the current version of the pipeline.
    private func retry(_ request: Request, _ context: ServerContext) async throws -> Response {
        let parameters = ["from", "priority"]
        let old = try await find(request, context, parameters: parameters)
        let query = try Query(request, known: parameters)
        try await bodies.withBody(of: request, context, upTo: RunRequestBody.maximum) { body in
            try RunRequestBody.requireEmpty(body, type: request.headers[.contentType], parameters: parameters)
        }
        let id = try await api.retry(
            old, from: try query.one("from"), priority: try query.number("priority", in: RunPriority.levels),
            dedupeKey: try request.dedupeKey(), by: Operator(context))
        return Response.accepted(id)
    }
}
