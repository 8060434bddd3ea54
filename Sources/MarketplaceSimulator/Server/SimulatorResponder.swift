import Hummingbird
import NIOCore
import RunnelSupport

/// The context of a request, with the connection it came on.
struct SimulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Takes requests from the server to the simulation and its answers back.
struct SimulatorResponder: HTTPResponder {
    private typealias FieldName = HTTPFields.Element.Name

    private static let largestBody = 4 * 1_048_576

    let simulation: Simulation

    func respond(to request: Request, context: SimulatorContext) async throws -> Response {
        let path = request.uri.path
        if path.hasPrefix(Self.messages) {
            return answer(request, String(path.dropFirst(Self.messages.count)), context)
        }
        let isToken = path == "/api/v1/auth/external-service-token"
        guard isToken || path == "/api/v1/chat/completions" else { return response(APIFailure.unknownPath(path)) }
        guard request.method == .post else { return response(APIFailure.methodNotAllowed) }
        let body: String
        do {
            body = try await self.body(of: request)
        } catch let failure as APIFailure {
            return response(failure)
        }
        let call = Call(
            contentType: request.headers[.contentType], authorization: request.headers[.authorization],
            simulate: FieldName("X-Simulate").flatMap { request.headers[$0] },
            idempotencyKey: FieldName("Idempotency-Key").flatMap { request.headers[$0] }, body: body)
        let (outcome, fault) = isToken ? simulation.token(call) : simulation.chat(call)
        let record = RecordedRequest(path: path, body: body, status: outcome.status, fault: fault)
        simulation.activity.update { activity in
            if isToken { activity.token.append(record) } else { activity.chat.append(record) }
        }
        switch outcome {
        case .reply(let reply): return response(reply)
        case .stream(let steps): return response(steps, on: context.channel)
        case .reset:
            ConnectionReset.reset(context.channel)
            throw ClientLeft()
        }
    }

    private static let messages = "/api/v1/chat/messages/"

    /// Takes an answer up again, or cancels it.
    private func answer(_ request: Request, _ rest: String, _ context: SimulatorContext) -> Response {
        let call = Call(authorization: request.headers[.authorization], body: "")
        let isCancellation = rest.hasSuffix("/cancel")
        guard request.method == (isCancellation ? .post : .get) else { return response(APIFailure.methodNotAllowed) }
        let id = isCancellation ? String(rest.dropLast("/cancel".count)) : rest
        switch isCancellation ? simulation.cancel(id, call) : simulation.reconnect(id, call) {
        case .reply(let reply): return response(reply)
        case .stream(let steps): return response(steps, on: context.channel)
        case .reset: return response(APIFailure.serverError)
        }
    }

    private func body(of request: Request) async throws -> String {
        var request = request
        let buffer: ByteBuffer
        do {
            buffer = try await request.collectBody(upTo: Self.largestBody)
        } catch is NIOTooManyBytesError {
            throw APIFailure.tooLarge(limit: Self.largestBody)
        }
        guard let text = String(validating: buffer.readableBytesView, as: UTF8.self) else {
            throw APIFailure.badRequest("The body is not UTF-8.")
        }
        return text
    }

    private func response(_ failure: APIFailure) -> Response { response(Reply(failure)) }

    private func response(_ reply: Reply) -> Response {
        var headers: HTTPFields = [.contentType: reply.contentType]
        for (name, value) in reply.headers {
            if let name = FieldName(name) { headers[name] = value }
        }
        return Response(
            status: .init(code: reply.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: reply.body)))
    }

    private func response(_ steps: [StreamStep], on channel: any Channel) -> Response {
        let headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"]
        let simulation = simulation
        let body = ResponseBody { writer in
            let isClosed = Watched(false)
            channel.closeFuture.whenComplete { _ in isClosed.update { $0 = true } }
            simulation.activity.update { $0.openStreams += 1 }
            defer { simulation.activity.update { $0.openStreams -= 1 } }
            let player = StreamPlayer(
                clock: simulation.configuration.clock, isClosed: isClosed,
                splitsCharacters: simulation.configuration.splitsCharacters)
            try await player.play(steps, into: &writer) { ConnectionReset.reset(channel) }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }
}
