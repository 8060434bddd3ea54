import Hummingbird
import RunnelEngine
import RunnelKit

/// `/api/v1/pipelines`: what is served, and starting it.
struct PipelineRoutes: Sendable {
    let api: API

    /// In bytes.
    private static let maximumBody = 8 << 20

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/status") { _, _ in
            Response.json([
                "version": .string(api.version), "running": .int(Int64(await api.queue.runningCount)),
                "queued": .int(Int64(try await withJournal { try await api.journal.queuedCount() })),
                "pipelines": .list(await api.host.all.map(json)),
            ])
        }
        group.get("/pipelines") { _, _ in Response.json(.list(await api.host.all.map(json))) }
        group.get("/pipelines/:name") { _, context in Response.json(json(try await find(context).hosted)) }
        group.post("/pipelines/:name/runs") { request, context in try await start(request, context) }
    }

    private func find(_ context: ServerContext) async throws -> (hosted: PipelineHost.Hosted, pipeline: Pipeline) {
        let name = context.parameters.get("name") ?? ""
        guard let hosted = await api.host.pipeline(named: name), let pipeline = hosted.pipeline else {
            let known = await api.host.all.compactMap { $0.pipeline?.name }
            let closest = Suggestion.closest(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw APIError(404, "no-such-pipeline", "there is no pipeline \"\(name)\"\(closest)")
        }
        return (hosted, pipeline)
    }

    private func json(_ hosted: PipelineHost.Hosted) -> Value {
        var object: ValueObject = ["file": .string(hosted.file)]
        object["name"] = hosted.pipeline.map { .string($0.name) }
        object["description"] = hosted.pipeline?.description.map { .string($0) }
        object["problem"] = hosted.problem.map { .string($0) }
        let triggers = hosted.pipeline?.triggers.map { trigger -> Value in
            var object: ValueObject = ["key": .string(trigger.key), "kind": .string(trigger.kind)]
            switch hosted.triggers[trigger.key] {
            case .waiting(let text): object["waiting"] = .string(text)
            case .problem(let text): object["problem"] = .string(text)
            case nil: break
            }
            return .object(object)
        }
        object["triggers"] = .list(triggers ?? [])
        return .object(object)
    }

    /// The body is `{"inputs": {…}, "input": …, "trigger": {…}}`; all of it may be left out.
    private func start(_ request: Request, _ context: ServerContext) async throws -> Response {
        let (hosted, pipeline) = try await find(context)
        guard let bytes = try await request.bytes(upTo: Self.maximumBody, within: .seconds(30)) else {
            throw APIError(413, "body-too-large", "the body is larger than \(ByteCount(Self.maximumBody))")
        }
        let body: ValueObject
        do {
            body = bytes.isEmpty ? [:] : try Value.json(bytes).asObject ?? [:]
        } catch {
            throw APIError(400, "malformed", "the body is not JSON: \(error)")
        }
        let inputs: ValueObject
        do {
            inputs = try pipeline.inputValues(
                (body["inputs"]?.asObject ?? [:]).map { ($0.key, $0.value.asString ?? $0.value.json()) })
        } catch {
            throw APIError(400, "bad-input", error.message)
        }
        var trigger: ValueObject = ["type": "manual"]
        for (key, value) in body["trigger"]?.asObject ?? [:] { trigger[key] = value }
        let seal = api.queue.seal
        let now = context.now
        var run = RunRecord(
            id: UUIDv7.make(nanoseconds: now), pipeline: pipeline.name, definition: hosted.definition ?? "",
            trigger: seal.close(.object(trigger)), inputs: seal.close(.object(inputs)).asObject ?? [:],
            input: seal.close(body["input"] ?? .null), createdAt: now)
        run.dedupeKey = HTTPFieldNames.idempotencyKey.flatMap { request.headers[$0] }.map { "api:\($0)" }
        do {
            let acceptance = try await api.queue.accept(run, of: pipeline)
            var id = run.id
            if case .duplicate(let other) = acceptance { id = other }
            var response = Response.json(["run": .string(id), "status": "accepted"], status: 202)
            response.headers[.location] = "/api/v1/runs/\(id)"
            return response
        } catch {
            let status = error.reason == .overloaded ? 429 : 503
            var failure = APIError(status, status == 429 ? "overloaded" : "unavailable", error.message)
            failure.headers[.retryAfter] = "\(max(1, error.retryAfter.components.seconds))"
            throw failure
        }
    }
}
