internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport

/// A response that is collected in memory. Chats are streamed instead.
struct WholeResponse: Sendable {
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    /// Decompressed. A body that reaches the limit is truncated, and loses its last 16 KiB: half a secret there could not be
    /// redacted. That of a refusal may be truncated anywhere, or empty where it could not be read.
    var body: [UInt8] = []

    /// Whether the status is none of a success, so that the body has words only.
    fileprivate var isRefusal: Bool { !(200..<300).contains(status.code) }
}

extension HTTPClient {
    /// Sends a request and reads its response. Cancelling the task cancels the request.
    ///
    /// The connection and the delegate share an event loop. Otherwise AsyncHTTPClient 1.37 crashes if a server responds and
    /// closes the connection before it has read the request: the client then handles the end of the request after its pool
    /// has removed the connection.
    ///
    /// - Parameters:
    ///   - url: The URL of the request, for error messages.
    ///   - limit: The maximum size of the body in bytes, both compressed and decompressed.
    func collect(_ request: Request, from url: String, upTo limit: Int) async throws -> WholeResponse {
        let eventLoop = eventLoopGroup.next()
        let collector = ResponseCollector(limit: limit, eventLoop: eventLoop)
        let task = execute(
            request: request, delegate: collector, eventLoop: .delegateAndChannel(on: eventLoop))
        var response: WholeResponse
        var isCut = false
        do {
            let received = try await withTaskCancellationHandler {
                try await task.futureResult.get()
            } onCancel: {
                task.cancel()
            }
            guard let received else { throw HTTPClientError.remoteConnectionClosed }
            response = received
        } catch let error as HTTPClientError where error == .cancelled {
            throw error
        } catch {
            let begun = try await eventLoop.submit { collector.begun }.get()
            guard let begun, begun.isRefusal else { throw error }
            response = begun
            isCut = true
        }
        do {
            response.body = try ContentDecoder.decode(
                response.body, contentEncoding: response.headers["Content-Encoding"], upTo: limit)
        } catch {
            response.body = []
            guard response.isRefusal else {
                throw TransportFailure.undecodable(error, url: url, status: Int(response.status.code))
            }
        }
        if isCut || response.body.count >= limit {
            response.body.removeLast(min(ServerMessage.unsafeTail, response.body.count))
        }
        return response
    }
}

/// Collects the beginning of a body. The library's `ResponseAccumulator` fails if the body is larger than its limit.
private final class ResponseCollector: HTTPClientResponseDelegate {
    typealias Response = WholeResponse?

    private let limit: Int
    /// Accessed only on the event loop; the box checks this.
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

    /// What has come so far. Only for the event loop.
    var begun: WholeResponse? { response.value }

    func didFinishRequest(task: HTTPClient.Task<Response>) throws -> Response { response.value }
}
