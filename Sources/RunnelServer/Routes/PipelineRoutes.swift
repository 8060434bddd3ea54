import Hummingbird
import RunnelEngine
import RunnelKit

/// `/api/v1/pipelines`: lists pipelines and starts runs.
struct PipelineRoutes: Sendable {
    let api: API
    let bodies: BodyReading

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/status") { request, _ in
            _ = try Query(request, known: [])
            return Response.json([
                "version": .string(api.version), "running": .int(Int64(await api.queue.runningCount)),
                "queued": .int(Int64(try await withJournal { try await api.journal.seenQueuedCount() })),
                "waiting": .int(Int64(try await withJournal { try await api.journal.waitingCount() })),
                "stranded": .list(api.queue.strandedRuns.map { .string($0) }),
                "journal_problem": api.queue.journalProblem.map { .string(api.queue.redact($0)) } ?? .null,
                "drained": .bool(api.queue.isDrained),
                "pending_restart": .list(await api.host.pendingRestart.map { .string($0) }),
                "configuration_problems": .list(
                    await api.host.configurationProblems.map { .string(api.queue.redact($0)) }),
                "held_runs": .list(try await withJournal { try await api.journal.heldRuns() }.map(\.json)),
                "workers": .list(try await withJournal { try await WorkerStatus.all(in: api.journal) }.map(\.json)),
                "pipelines": .list(await api.host.all.map(json)),
            ])
        }
        group.get("/pipelines") { request, _ in
            _ = try Query(request, known: [])
            return Response.json(.list(await api.host.all.map(json)))
        }
        group.get("/pipelines/:name") { request, context in
            _ = try Query(request, known: [])
            return Response.json(json(try await find(context).hosted))
        }
        for (word, isEnabled) in [("enable", true), ("disable", false)] {
            group.post("/pipelines/:name/triggers/:key/\(word)") { request, context in
                _ = try Query(request, known: [])
                let pipeline = try await find(context).pipeline
                let key = context.parameter("key")
                try await api.setTrigger(key, of: pipeline, isEnabled: isEnabled, by: Operator(context))
                return Response.json([
                    "pipeline": .string(pipeline.name), "trigger": .string(key), "enabled": .bool(isEnabled),
                ])
            }
        }
        group.get("/pipelines/:name/triggers/:key/ledger") { request, context in
            let query = try Query(request, known: ["after", "limit"])
            let found = try await api.ledger(
                of: find(context).pipeline, key: context.parameter("key"), after: query.one("after"),
                limit: query.number("limit", in: 1...1000) ?? 100)
            return Response.json(found.page.json)
        }
        group.post("/pipelines/:name/backfill") { request, context in
            _ = try Query(request, known: [])
            let pipeline = try await find(context).pipeline
            return try await bodies.withBody(of: request, context, upTo: RunRequestBody.maximum) { bytes in
                let bytes = try RunRequestBody.bytes(of: bytes)
                guard let body = try? Value.json(bytes) else {
                    throw APIError(400, .malformed, "the body is not JSON")
                }
                let outcomes = try await Backfill(body).perform(
                    pipeline, api, dedupeKey: try request.dedupeKey(), by: Operator(context))
                return Response.json(.list(outcomes.map(\.json)))
            }
        }
        group.post("/pipelines/:name/runs") { request, context in
            _ = try Query(request, known: [])
            return try await start(request, context)
        }
    }

    private func find(_ context: ServerContext) async throws -> (hosted: PipelineHost.Hosted, pipeline: Pipeline) {
        try await api.pipeline(named: context.parameter("name"))
    }

    private func json(_ hosted: PipelineHost.Hosted) -> Value {
        var object: ValueObject = ["file": .string(hosted.file)]
        object["name"] = hosted.pipeline.map { .string($0.name) }
        object["description"] = hosted.pipeline?.description.map { .string($0) }
        object["problem"] = hosted.problem.map { .string($0) }
        let triggers = hosted.pipeline?.triggers.map { trigger -> Value in
            var object: ValueObject = ["key": .string(trigger.key), "kind": .string(trigger.kind)]
            switch hosted.triggers[trigger.key] {
            case .waiting(let text, _): object["waiting"] = .string(text)
            case .problem(let text): object["problem"] = .string(text)
            case nil: break
            }
            if hosted.disabled.contains(trigger.key) { object["disabled"] = true }
            object["ignored"] = hosted.ignored[trigger.key].map { .int(Int64($0)) }
            return .object(object)
        }
        object["triggers"] = .list(triggers ?? [])
        return api.queue.redact(.object(object))
    }

    private func start(_ request: Request, _ context: ServerContext) async throws -> Response {
        let pipeline = try await find(context).pipeline
        return try await bodies.withBody(of: request, context, upTo: RunRequestBody.maximum) { whole in
            let body = try RunRequestBody(whole, type: request.headers[.contentType])
            var trigger = body.trigger
            for (key, value) in request.traceContext?.payload ?? [:] { trigger[key] = value }
            return Response.accepted(
                try await api.start(
                    pipeline, inputs: body.inputs, trigger: trigger, input: body.input,
                    priority: body.priority, dedupeKey: try request.dedupeKey(), by: Operator(context)))
        }
    }
}

extension API {
    /// The pipeline of this name, as it is served.
    func pipeline(
        named name: String
    ) async throws(APIError) -> (hosted: PipelineHost.Hosted, pipeline: Pipeline) {
        if let hosted = await host.pipeline(named: name), let pipeline = hosted.pipeline { return (hosted, pipeline) }
        let quoted = Value.string(name).quoted(limit: 200)
        if let faulty = await host.faulty(named: name) {
            let first = faulty.report?.diagnostics.first { $0.severity == .error }
            let problem = first.map(DiagnosticPrinter.line) ?? "\(faulty.file): \(faulty.problem ?? "")"
            throw APIError(409, .pipelineInvalid, "the pipeline \(quoted) has errors: \(problem)")
        }
        let known = await host.all.compactMap { $0.pipeline?.name }
        let hint = PipelineCatalog.hint(for: name, among: known).map { "; \($0)" } ?? ""
        throw APIError(404, .noSuchPipeline, "there is no pipeline \(quoted)\(hint)")
    }
}
