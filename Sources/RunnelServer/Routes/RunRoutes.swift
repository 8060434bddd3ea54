import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit

/// `/api/v1/runs`: looking at runs, following, cancelling and repeating them.
struct RunRoutes: Sendable {
    let api: API

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/runs") { request, _ in try await list(request) }
        group.get("/runs/:id") { _, context in
            let run = try await find(context)
            let steps = try await withJournal { try await api.journal.steps(of: run.id) }
            var object = run.json(isFull: true).asObject ?? [:]
            object["steps"] = .list(steps.map(\.json))
            return Response.json(.object(object))
        }
        group.post("/runs/:id/cancel") { _, context in
            let run = try await find(context)
            switch try await withJournal({ try await api.queue.cancel(run.id) }) {
            case .requested: return Response.json(["run": .string(run.id), "status": "cancelling"], status: 202)
            case .cancelled: return Response.json(["run": .string(run.id), "status": "cancelled"])
            case .ended(let state):
                throw APIError(409, "has-ended", "the run has ended already: \(state.rawValue)")
            case .missing: throw APIError(404, "no-such-run", "the run is gone")
            }
        }
        group.post("/runs/:id/retry") { _, context in try await retry(context) }
        group.get("/runs/:id/events") { _, context in events(of: try await find(context)) }
    }

    private func find(_ context: ServerContext) async throws -> RunRecord {
        let id = context.parameters.get("id") ?? ""
        guard let run = try await withJournal({ try await api.journal.run(id) }) else {
            throw APIError(404, "no-such-run", "there is no run \"\(id)\"")
        }
        return run
    }

    private func list(_ request: Request) async throws -> Response {
        var filter = RunFilter()
        for state in request.uri.queryParameters.getAll("state") {
            guard let state = RunState(rawValue: state) else {
                let states = RunState.allCases.map(\.rawValue).joined(separator: ", ")
                throw APIError(400, "bad-parameter", "there is no state \"\(state)\"; there are \(states)")
            }
            filter.states.insert(state)
        }
        filter.pipeline = request.uri.queryParameters["pipeline"].map(String.init)
        filter.before = request.uri.queryParameters["before"].map(String.init)
        if let limit = request.uri.queryParameters["limit"] {
            guard let number = Int(limit), (1...1000).contains(number) else {
                throw APIError(400, "bad-parameter", "limit: expected a number from 1 to 1000, found \"\(limit)\"")
            }
            filter.limit = number
        }
        let runs = try await withJournal { try await api.journal.runs(filter) }
        return Response.json(.list(runs.map { $0.json(isFull: false) }))
    }

    /// A new run with the same input, of the pipeline as it is served now.
    private func retry(_ context: ServerContext) async throws -> Response {
        let old = try await find(context)
        guard old.state.isFinal else { throw APIError(409, "not-ended", "the run has not ended yet") }
        guard let hosted = await api.host.pipeline(named: old.pipeline), let pipeline = hosted.pipeline else {
            throw APIError(409, "not-served", "the pipeline \"\(old.pipeline)\" is not served any more")
        }
        let run = RunRecord(
            id: UUIDv7.make(nanoseconds: context.now), pipeline: pipeline.name, definition: hosted.definition ?? "",
            trigger: old.trigger, inputs: old.inputs, input: old.input, createdAt: context.now, retryOf: old.id)
        do {
            _ = try await api.queue.accept(run, of: pipeline)
        } catch {
            throw APIError(error.reason == .overloaded ? 429 : 503, "unavailable", error.message)
        }
        var response = Response.json(["run": .string(run.id), "status": "accepted"], status: 202)
        response.headers[.location] = "/api/v1/runs/\(run.id)"
        return response
    }

    /// All events of the run as server-sent events, those that come included; their numbers are the ids.
    private func events(of run: RunRecord) -> Response {
        let journal = api.journal
        let body = ResponseBody { writer in
            var next = 0
            var version: Int64 = -1
            var isOver = false
            var idle = 0
            while !isOver {
                let current = try await journal.version()
                if current != version {
                    version = current
                    isOver = try await journal.run(run.id)?.state.isFinal ?? true
                    while case let events = try await journal.events(of: run.id, from: next, limit: 500),
                        !events.isEmpty
                    {
                        var text = ""
                        for (number, event) in events {
                            next = number + 1
                            text +=
                                "id: \(number)\nevent: \(event.asObject?["event"]?.asString ?? "event")\ndata: \(event.json())\n\n"
                        }
                        try await writer.write(ByteBuffer(string: text))
                        idle = 0
                    }
                }
                if isOver { break }
                try await ContinuousClock().sleep(for: .milliseconds(100))
                idle += 1
                // Whoever is gone is noticed by writing.
                if idle.isMultiple(of: 150) { try await writer.write(ByteBuffer(string: ": still going on\n\n")) }
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"], body: body)
    }
}
