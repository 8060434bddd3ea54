import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelKit

/// `/hooks/…`: dispatches deliveries to the hooks that triggers have registered.
struct HookRoutes: Sendable {
    let ingress: HTTPIngress
    let bodies: BodyReading
    /// Opens when the server is shutting down and works on no run any more.
    let answersEnd: Latch

    func add(to router: Router<ServerContext>) {
        // The hook itself decides which methods it accepts.
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options] {
            router.on("\(HTTPIngress.prefix)**", method: method) { request, context in try await call(request, context)
            }
        }
    }

    private func call(_ request: Request, _ context: ServerContext) async throws -> Response {
        let path = request.uri.path
        guard let route = ingress.route(String(path.dropFirst(HTTPIngress.prefix.count))) else {
            if ingress.isShutDown { throw APIError.shuttingDown }
            throw APIError(404, "no-such-hook", "there is no hook at \(Value.string(path).quoted(limit: 200))")
        }
        var headers = HeaderList()
        for field in request.headers { headers.add(field.name.rawName, field.value) }
        if let authority = request.head.authority { headers.add("host", authority) }
        var call = IngressRequest(
            method: request.method.rawValue, path: path, query: request.uri.query ?? "", headers: headers,
            remoteAddress: context.remoteAddress?.ipAddress ?? "unknown")
        let limit = route.body.limit
        if route.body.isStreamed {
            return try await bodies.withStream(of: request, context, upTo: limit) { stream in
                guard let stream else { return response(.bodyTooLarge(limit: limit), context) }
                call.bodyStream = stream
                return response(try await answer(call, by: route, context), context)
            }
        }
        return try await bodies.withBody(of: request, context, upTo: limit) { body in
            guard let body else { return response(.bodyTooLarge(limit: limit), context) }
            call.body = body
            call.bodyStream = IngressBody(body)
            return response(try await answer(call, by: route, context), context)
        }
    }

    private func answer(
        _ call: IngressRequest, by route: ClaimedRoute, _ context: ServerContext
    ) async throws -> IngressResponse {
        guard route.route.watchesCaller else { return try await ingress.answer(call, by: route) }
        return try await context.cancelledOnDisconnect(orWhen: answersEnd) { [ingress] in
            try await ingress.answer(call, by: route)
        }
    }

    private func response(_ answer: IngressResponse, _ context: ServerContext) -> Response {
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
