import HTTPTypes
import Hummingbird
import NIOCore
import RunnelKit
import WebhookPlugin

/// `/hooks/…`: hands calls to the hooks that the triggers have entered.
struct HookRoutes: Sendable {
    let hub: WebhookHub
    let options: ServerOptions

    func add(to router: Router<ServerContext>) {
        for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete] {
            router.on("/hooks/**", method: method) { request, context in try await call(request, context) }
        }
    }

    private func call(_ request: Request, _ context: ServerContext) async throws -> Response {
        let path = request.uri.path
        guard let route = hub.route(String(path.dropFirst("/hooks/".count))) else {
            throw APIError(404, "no-such-hook", "there is no hook at \(path)")
        }
        guard let body = try await request.bytes(upTo: route.bodyLimit, within: options.readTimeout) else {
            return response(.bodyTooLarge(limit: route.bodyLimit))
        }
        var headers = HeaderList()
        for field in request.headers { headers.add(field.name.rawName, field.value) }
        if let authority = request.head.authority { headers.add("host", authority) }
        return response(
            await route.handle(
                WebhookRequest(
                    method: request.method.rawValue, path: path, query: request.uri.query ?? "", headers: headers,
                    body: body, remoteAddress: context.remoteAddress?.ipAddress ?? "unknown")))
    }

    private func response(_ answer: WebhookResponse) -> Response {
        var headers = HTTPFields()
        for field in answer.headers.fields {
            if let name = HTTPField.Name(field.name) { headers.append(HTTPField(name: name, value: field.value)) }
        }
        let body: ResponseBody
        switch answer.body {
        case .bytes(let bytes): body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        case .stream(let write):
            body = ResponseBody { writer in
                var adapter: any WebhookBodyWriter = BodyWriter(writer: writer)
                try await write(&adapter)
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
        try await writer.write(ByteBuffer(bytes: bytes))
    }
}
