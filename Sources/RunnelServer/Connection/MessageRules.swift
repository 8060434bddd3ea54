import NIOCore
import NIOHTTP1

/// Rules of HTTP/1 messages that depend on what the later handlers do not see: the version of a request, how many Host
/// fields it has, and which response answers which method.
///
/// It is between the HTTP/1 decoder and the translation to version-independent messages.
final class MessageRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request without a complete response.
    private struct Open {
        var isHead: Bool
        var isOld: Bool
    }

    /// Carries the reason why a request is malformed to ``ErrorAndAccessLogMiddleware``. A client cannot send it.
    static let malformedField = "runnel-malformed"

    private var open = CircularBuffer<Open>(initialCapacity: 2)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let isOld = head.version.major < 1 || head.version == .http1_0
        open.append(Open(isHead: head.method == .HEAD, isOld: isOld))
        head.headers.remove(name: Self.malformedField)
        if isOld {
            // RFC 9112, section 9.3: without keep-alive the connection ends with the response; here it always does.
            head.headers.replaceOrAdd(name: "connection", value: "close")
            // RFC 9110, section 10.1.1: an expectation in HTTP/1.0 is ignored.
            head.headers.remove(name: "expect")
        }
        if let problem = Self.problem(of: head.headers["host"], isOld: isOld) ?? Self.codingProblem(of: head.headers) {
            head.headers.replaceOrAdd(name: "host", value: "")
            head.headers.replaceOrAdd(name: "connection", value: "close")
            head.headers.add(name: Self.malformedField, value: problem)
        }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// RFC 9112, section 3.2: a server must refuse a request without a Host field, with several, or with an invalid one.
    private static func problem(of hosts: [String], isOld: Bool) -> String? {
        guard hosts.count < 2 else { return "the request has \(hosts.count) Host fields" }
        guard let host = hosts.first else { return isOld ? nil : "the request has no Host field" }
        return host.utf8.allSatisfy(isInHost) ? nil : "the Host field is not a host"
    }

    private static func isInHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "@"), UInt8(ascii: ","), UInt8(ascii: "?"),
            UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    /// Rejects transfer codings other than chunked: the end of such a body is unknown (RFC 9112, section 6.1).
    private static func codingProblem(of headers: HTTPHeaders) -> String? {
        guard headers.contains(name: "transfer-encoding") else { return nil }
        // The decoder reads an empty list as no body, and would parse the body as the next request (request smuggling).
        let isChunked = headers[canonicalForm: "transfer-encoding"].map { $0.lowercased() } == ["chunked"]
        return isChunked ? nil : "the only supported Transfer-Encoding is chunked"
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let request = open.first else { return context.write(data, promise: promise) }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            // RFC 9112, section 6.1: no Transfer-Encoding for a client that does not know it.
            if request.isOld { head.version = .http1_0 }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            // RFC 9110, section 9.3.2: the response to HEAD has no body, whatever its header says of one.
            if request.isHead { promise?.succeed() } else { context.write(data, promise: promise) }
        case .end:
            open.removeFirst()
            // The end of a chunked body would be bytes as well.
            if request.isHead { promise?.succeed() } else { context.write(data, promise: promise) }
        }
    }
}
