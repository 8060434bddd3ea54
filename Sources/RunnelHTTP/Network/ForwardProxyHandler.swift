internal import NIOCore
internal import NIOHTTP1

/// Sends plain HTTP to a proxy as proxies expect it: with the whole URL as request target (RFC 9112, section 3.2.2).
/// `CONNECT`, which the HTTP client would use, is often allowed for port 443 alone.
final class ForwardProxyHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// Carries the URL to this handler, and is not sent.
    static let targetField = "runnel-request-target"

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), let target = head.headers.first(name: Self.targetField)
        else {
            return context.write(data, promise: promise)
        }
        head.headers.remove(name: Self.targetField)
        head.uri = target
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
