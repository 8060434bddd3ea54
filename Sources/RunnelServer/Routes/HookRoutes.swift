import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelKit
import WebhookPlugin

/// `/hooks/…`: hands calls to the hooks that the triggers have entered.
struct HookRoutes: Sendable {
    let hub: WebhookHub
    let bodies: BodyReading
    /// Opens when the server shuts down and no run is worked on here any more.
    let answersEnd: Latch

    func add(to router: Router<ServerContext>) {
        // Which of them a hook takes is its own to say.
        for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options] {
            router.on("/hooks/**", method: method) { request, context in try await call(request, context) }
        }
    }

    private func call(_ request: Request, _ context: ServerContext) async throws -> Response {
        let path = request.uri.path
        guard let route = hub.route(String(path.dropFirst("/hooks/".count))) else {
            if hub.isShutDown { throw APIError.shuttingDown }
            throw APIError(404, "no-such-hook", "there is no hook at \(Value.string(path).quoted(limit: 200))")
        }
        var headers = HeaderList()
        for field in request.headers { headers.add(field.name.rawName, field.value) }
        if let authority = request.head.authority { headers.add("host", authority) }
        var call = WebhookRequest(
            method: request.method.rawValue, path: path, query: request.uri.query ?? "", headers: headers, body: [],
            remoteAddress: context.remoteAddress?.ipAddress ?? "unknown")
        return try await bodies.withBody(of: request, context, upTo: route.bodyLimit) { body in
            guard let body else { return response(.bodyTooLarge(limit: route.bodyLimit), context) }
            call.body = body
            guard route.waitsForRuns else { return response(await route.handle(call), context) }
            let answer = try await context.cancelledWhenCallerLeaves(orWhen: answersEnd) { [call] in
                await route.handle(call)
            }
            return response(answer, context)
        }
    }

    private func response(_ answer: WebhookResponse, _ context: ServerContext) -> Response {
        var headers = HTTPFields()
        for field in answer.headers.fields {
            if let name = HTTPField.Name(field.name) { headers.append(HTTPField(name: name, value: field.value)) }
        }
        let body: ResponseBody
        switch answer.body {
        case .bytes(let bytes): body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        case .stream(let write):
            body = ResponseBody { [answersEnd] writer in
                // Only the task below writes until it has ended.
                nonisolated(unsafe) var adapter: any WebhookBodyWriter = BodyWriter(writer: writer)
                try await context.cancelledWhenCallerLeaves(orWhen: answersEnd) { try await write(&adapter) }
                try await writer.finish(nil)
            }
        }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }
}

/// Writes a hook's stream to the connection.
private struct BodyWriter: WebhookBodyWriter {
    var writer: any ResponseBodyWriter

    mutating func write(_ bytes: [UInt8]) async throws {
        let buffer = ByteBuffer(bytes: bytes)
        guard Task.isCancelled else { return try await writer.write(buffer) }
        // The last words of a stream that was cancelled. The connection's writer refuses them from a cancelled task, so
        // they go out in a task of their own, which is awaited right here.
        nonisolated(unsafe) var copy = writer
        try await Task { try await copy.write(buffer) }.value
    }
}
