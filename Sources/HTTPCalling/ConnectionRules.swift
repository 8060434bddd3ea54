package import AsyncHTTPClient
package import NIOCore
internal import NIOHTTP1

extension HTTPClient.Configuration {
    /// Rejects responses that crash AsyncHTTPClient or NIO. Every client that calls a server needs this; a second call has
    /// no effect.
    ///
    /// - HTTP/1.1 alone: NIOHTTP2 and AsyncHTTPClient 1.37 crash on some values of `:status`, before any handler could look
    ///   at them.
    /// - A status below 100 fails the request with `HTTPParserError.invalidStatus`; see ``StatusCheckHandler``.
    package mutating func rejectInvalidResponses() {
        httpVersion = .http1Only
        onConnection { channel in
            let pipeline = channel.pipeline.syncOperations
            guard (try? pipeline.handler(type: StatusCheckHandler.self)) == nil else { return }
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(StatusCheckHandler(), position: .after(decoder))
        }
    }

    /// Makes requests on a connection that had been kept open too long fail with ``StaleConnection``.
    package mutating func reportStaleConnections() {
        onConnection { channel in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(StaleConnectionHandler(), position: .after(decoder))
        }
    }

    /// Adds something to do for each new HTTP/1.1 connection, behind what is done already. The hook is named for debugging,
    /// but it is public, and runs before the first request of a connection.
    ///
    /// - Parameter prepare: Runs on the event loop of the connection.
    package mutating func onConnection(_ prepare: @escaping @Sendable (any Channel) throws -> Void) {
        http1_1ConnectionDebugInitializer = { [earlier = http1_1ConnectionDebugInitializer] channel in
            (earlier?(channel) ?? channel.eventLoop.makeSucceededVoidFuture()).flatMapThrowing { try prepare(channel) }
        }
    }
}

/// Rejects an answer whose status is below 100, which no server may send (RFC 9110, section 15).
///
/// The decoder accepts 000 to 099 as final answers. AsyncHTTPClient 1.37 ignores the head of every answer below 200 and then
/// crashes on the body or the end, because it has no head.
final class StatusCheckHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private var hasRejected = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if hasRejected { return }
        if case .head(let head) = unwrapInboundIn(data), head.status.code < 100 {
            hasRejected = true
            context.fireErrorCaught(HTTPParserError.invalidStatus)
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(data)
    }
}

/// The server closed a connection that had carried a request before, and nothing of the answer to the next one has come.
/// Most likely, the server was closing it while that request was on its way.
package struct StaleConnection: Error {}

/// Fails a request with ``StaleConnection`` where that is why it has no answer.
final class StaleConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart

    private var requests = 0
    private var isUnanswered = false

    private var isStale: Bool { requests > 1 && isUnanswered }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .head = unwrapOutboundIn(data) {
            requests += 1
            isUnanswered = true
        }
        guard isStale, let promise else { return context.write(data, promise: promise) }
        // The connection may close before the request is written.
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.flatMapErrorThrowing { error in
            throw error is IOError || error is ChannelError ? StaleConnection() : error
        }.cascade(to: promise)
        context.write(data, promise: written)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isUnanswered = false
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(isStale && error is IOError ? StaleConnection() : error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // So `HTTPClientError.remoteConnectionClosed` is left for a request that was never written.
        if isUnanswered { context.fireErrorCaught(isStale ? StaleConnection() : HTTPParserError.invalidEOFState) }
        context.fireChannelInactive()
    }
}
