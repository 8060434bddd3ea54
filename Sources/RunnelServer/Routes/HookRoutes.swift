import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit
import RunnelSupport

/// `/hooks/…`: dispatches deliveries to the hooks that triggers have registered.
struct HookRoutes: Sendable {
    let ingress: HTTPIngress
    let bodies: BodyReading
    /// Opens when the server is shutting down and works on no run any more.
    let answersEnd: Latch
    let options: ServerOptions
    let refusals: RefusalLog
    let recorder: DeliveryRecorder
    let redact: @Sendable (String) -> String

    func add(to router: Router<ServerContext>) {
        // The hook itself decides which methods it accepts.
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options] {
            router.on("\(HTTPIngress.prefix)**", method: method) { request, context in try await call(request, context)
            }
        }
    }

    private func call(_ request: Request, _ context: ServerContext) async throws -> Response {
        let path = request.uri.path
        guard let route = try await ingress.awaitedRoute(HTTPIngress.place(in: path)) else {
            if ingress.isShutDown { throw APIError.shuttingDown }
            throw APIError(404, .noSuchHook, "there is no hook at \(Value.string(path).quoted(limit: 200))")
        }
        return try await recorded(request, call(request, path, context), by: route, context)
    }

    /// Answers and records the delivery, whatever becomes of it. One that was refused is counted and written to the log.
    private func recorded(
        _ request: Request, _ call: IngressRequest, by route: ClaimedRoute, _ context: ServerContext
    ) async throws -> Response {
        let time = context.now
        let note = recorder.makeNote()
        if !Self.hasBody(request) { note.note(piece: nil) }
        func record(_ answer: IngressResponse?, _ failure: (status: Int, reason: String)? = nil) {
            if let status = DeliveryRecord.refusedStatus(note, answer: answer, failure: failure) {
                HookRefusal(status: status).count(of: route.pipeline)
            }
            recorder.record {
                DeliveryRecord(call, note, to: route, answer: answer, failure: failure, at: time, redact: redact)
            }
        }
        func log(_ answer: IngressResponse?, _ failure: (status: Int, reason: String)? = nil) {
            guard let reason = DeliveryRecord.refusal(note, answer: answer, failure: failure) else { return }
            refusals.note(
                reason, path: PercentDecoding.normalized(call.path), from: call.remoteAddress, by: route)
        }
        do {
            let answer = try await answer(request, call, by: route, note, context)
            record(answer)
            log(answer)
            return response(answer, to: call, by: route, context)
        } catch let error as APIError {
            record(nil, (error.status, error.message))
            log(nil, (error.status, error.message))
            throw error
        } catch {
            // Logged as an error of the request.
            record(nil, error is CancellationError ? nil : (500, "the trigger failed: \(error)"))
            throw error
        }
    }

    /// Whether the request has a body (RFC 9112, section 6.3).
    private static func hasBody(_ request: Request) -> Bool {
        request.headers.contains(.transferEncoding) || request.headers.contentLength.map { $0 != 0 } ?? false
    }

    /// The request as the hook sees it, without its body.
    private func call(_ request: Request, _ path: String, _ context: ServerContext) -> IngressRequest {
        var headers = HeaderList()
        for field in request.headers where field.name != ProxySignIn.secretHeader {
            headers.add(field.name.rawName, field.value)
        }
        if let authority = request.head.authority { headers.add("host", authority) }
        let client = ForwardedClient(request, context, options)
        let query = request.uri.query ?? ""
        let root =
            options.publicURL?.text
            ?? "\(client.scheme ?? (options.tls == nil ? "http" : "https"))://"
            + (client.host ?? request.head.authority ?? options.host)
        return IngressRequest(
            method: request.method.rawValue, path: path, query: query, headers: headers, remoteAddress: client.address,
            url: root + path + (query.isEmpty ? "" : "?" + query))
    }

    private func answer(
        _ request: Request, _ call: IngressRequest, by route: ClaimedRoute, _ note: DeliveryNote,
        _ context: ServerContext
    ) async throws -> IngressResponse {
        if let refusal = refusal(request, by: route) { return refusal }
        let limit = route.body.limit
        let isAnonymous = !route.route.authenticatesCallers
        if route.body.isStreamed {
            return try await bodies.withStream(of: request, context, upTo: limit, isAnonymous: isAnonymous) { stream in
                guard let stream else { return .bodyTooLarge(limit: limit) }
                var call = call
                call.bodyStream = stream.noting { note.note(piece: $0) }
                return try await answer(call, by: route, note, context)
            }
        }
        return try await bodies.withBody(of: request, context, upTo: limit, isAnonymous: isAnonymous) { body in
            guard let body else { return .bodyTooLarge(limit: limit) }
            var call = call
            call.body = body.take()
            note.note(bodyOf: call)
            return try await answer(call, by: route, note, context)
        }
    }

    /// The answer to a page in a browser that must not call.
    private func refusal(_ request: Request, by route: ClaimedRoute) -> IngressResponse? {
        guard route.route.refusesOtherOrigins, request.method != .options else { return nil }
        do throws(HostPolicy.Refusal) {
            try HostPolicy(options: options).check(request, permits: route.route.permits)
            return nil
        } catch {
            var response: IngressResponse
            switch error {
            case .host:
                response = .error(
                    403, APIErrorCode.wrongHost,
                    "this hook lets everybody call, so it answers to localhost and to `server.public_url` only")
                response.refusal =
                    "the Host field names neither this machine nor `server.public_url`; set that to the URL that callers use"
            case .origin:
                response = .error(
                    403, APIErrorCode.wrongOrigin,
                    "this hook does not answer to pages of other sites; `origins` lets them in")
                response.refusal = "a page of another site called; `origins` of the hook lets it in"
            }
            return response
        }
    }

    private func answer(
        _ call: IngressRequest, by route: ClaimedRoute, _ note: DeliveryNote, _ context: ServerContext
    ) async throws -> IngressResponse {
        try await DeliveryNote.$current.withValue(note) {
            guard route.route.watchesCaller else { return try await ingress.answer(call, by: route) }
            return try await context.cancelledOnDisconnect(orWhen: answersEnd) { [ingress] in
                try await ingress.answer(call, by: route)
            }
        }
    }

    private func response(
        _ answer: IngressResponse, to call: IngressRequest, by route: ClaimedRoute, _ context: ServerContext
    ) -> Response {
        let answer = route.route.sharing(answer, with: call)
        var headers = HTTPFields()
        for field in answer.headers.fields {
            if let name = HTTPField.Name(field.name) { headers.append(HTTPField(name: name, value: field.value)) }
        }
        let body: ResponseBody
        switch answer.body {
        case .bytes(let bytes): body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        case .stream(let write):
            body = ResponseBody { [answersEnd] writer in
                // Used only by the task below, which is awaited.
                nonisolated(unsafe) var adapter: any IngressBodyWriter = BodyWriter(writer: writer)
                try await context.cancelledOnDisconnect(orWhen: answersEnd) { try await write(&adapter) }
                try await writer.finish(nil)
            }
        }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }
}

/// Writes a streamed answer to the connection.
private struct BodyWriter: IngressBodyWriter {
    var writer: any ResponseBodyWriter

    mutating func write(_ bytes: [UInt8]) async throws {
        let buffer = ByteBuffer(bytes: bytes)
        guard Task.isCancelled else { return try await writer.write(buffer) }
        // Writes the end of a cancelled stream. The connection's writer rejects writes from a cancelled task, so this
        // uses another task, which is awaited here.
        nonisolated(unsafe) var copy = writer
        try await Task { try await copy.write(buffer) }.value
    }
}
