internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport

/// A response that is read as a whole, unlike that of a chat.
struct WholeResponse: Sendable {
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    /// Decompressed. A body that reaches the limit is cut, and also loses its end, where a secret may be cut in two.
    var body: [UInt8] = []
}

extension HTTPClient {
    /// Sends a request and reads its response. Cancelling the task cancels the request.
    ///
    /// The connection and the delegate share an event loop. Otherwise AsyncHTTPClient 1.37 ends the process if a server
    /// answers before it has read the request, and closes the connection: the client then handles the end of the request
    /// after its pool has removed the connection.
    ///
    /// - Parameters:
    ///   - url: Where the request goes, for errors.
    ///   - limit: How much of the body is kept, before and after it is decompressed.
    func collect(_ request: Request, from url: String, upTo limit: Int) async throws -> WholeResponse {
        let eventLoop = eventLoopGroup.next()
        let task = execute(
            request: request, delegate: ResponseCollector(limit: limit, eventLoop: eventLoop),
            eventLoop: .delegateAndChannel(on: eventLoop))
        let received = try await withTaskCancellationHandler {
            try await task.futureResult.get()
        } onCancel: {
            task.cancel()
        }
        guard var response = received else { throw HTTPClientError.remoteConnectionClosed }
        do {
            response.body = try ContentDecoder.decode(
                response.body, contentEncoding: response.headers["Content-Encoding"], upTo: limit)
        } catch {
            throw TransportFailure.undecodable(error, url: url, status: Int(response.status.code))
        }
        if response.body.count >= limit {
            response.body.removeLast(min(Refusal.unsafeTail, response.body.count))
        }
        return response
    }
}

/// Keeps the beginning of a body. The library's accumulator fails where the body is larger.
private final class ResponseCollector: HTTPClientResponseDelegate {
    typealias Response = WholeResponse?

    private let limit: Int
    /// Touched on the event loop only, which the box enforces.
    private let response: NIOLoopBoundBox<WholeResponse?>

    init(limit: Int, eventLoop: any EventLoop) {
        self.limit = limit
        response = NIOLoopBoundBox.makeEmptyBox(valueType: WholeResponse.self, eventLoop: eventLoop)
    }

    func didReceiveHead(task: HTTPClient.Task<Response>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        response.value = WholeResponse(status: head.status, headers: head.headers)
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Response>, _ part: ByteBuffer) -> EventLoopFuture<Void> {
        response.withValue { response in
            let room = limit - (response?.body.count ?? limit)
            response?.body += part.readableBytesView.prefix(room)
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Response>) throws -> Response { response.value }
}
