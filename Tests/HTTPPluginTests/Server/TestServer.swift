internal import LibC
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A server on the loopback interface that answers as a test says, also in ways that no server should.
public struct TestServer: Sendable {
    /// A request as it arrived.
    public struct Request: Sendable {
        public fileprivate(set) var method = ""
        public fileprivate(set) var uri = ""
        /// By lower-case name.
        public fileprivate(set) var headers = Headers()
        public fileprivate(set) var body = ""
    }

    /// The header fields of a request: all values of a name, none where it is missing.
    public struct Headers: Sendable {
        fileprivate var values: [String: [String]] = [:]

        public subscript(name: String) -> [String] { values[name, default: []] }
    }

    /// What the server does with a request.
    public enum Answer: Sendable {
        case reply(Int, [(String, String)] = [], String = "")
        case bytes(Int, [(String, String)], [UInt8])
        /// Sends the text as it is and closes the connection.
        case raw(String)
        /// Sends the text as it is and leaves the answer open.
        case begun(String)
        /// Closes the connection so that the client sees a reset.
        case reset
        /// Says nothing.
        case silence
    }

    public let port: Int
    private let log: Log

    public var url: String { "http://127.0.0.1:\(port)" }
    /// What was asked so far, in order.
    public var requests: [Request] { log.requests.withLock { $0 } }

    /// Runs `body` beside a server that gives each request its answer.
    public static func run<Result>(
        _ answer: @escaping @Sendable (Request) -> Answer, body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let log = Log()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
                    try channel.pipeline.syncOperations.addHandler(Handler(log: log, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = TestServer(port: channel.localAddress?.port ?? 0, log: log)
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    private final class Log: Sendable {
        let requests = Mutex<[Request]>([])
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = ByteBuffer

        private let log: Log
        private let answer: @Sendable (Request) -> Answer
        private var request = Request()

        init(log: Log, answer: @escaping @Sendable (Request) -> Answer) {
            self.log = log
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                request = Request()
                request.method = head.method.rawValue
                request.uri = head.uri
                for (name, value) in head.headers {
                    request.headers.values[name.lowercased(), default: []].append(value)
                }
            case .body(let buffer): request.body += String(buffer: buffer)
            case .end:
                log.requests.withLock { $0.append(request) }
                respond(answer(request), context)
            }
        }

        /// What is not HTTP gets an answer in plain HTTP, as from any web server.
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            respond(.raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), context)
        }

        private func respond(_ answer: Answer, _ context: ChannelHandlerContext) {
            switch answer {
            case .reply(let status, let headers, let body):
                respond(.bytes(status, headers, Array(body.utf8)), context)
            case .bytes(let status, let headers, let body):
                var head = "HTTP/1.1 \(status) Whatever\r\nContent-Length: \(body.count)\r\n"
                for (name, value) in headers { head += "\(name): \(value)\r\n" }
                var buffer = ByteBuffer(string: head + "\r\n")
                if request.method != "HEAD" { buffer.writeBytes(body) }
                context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            case .raw(let text):
                // Closing earlier would drop what does not fit into the socket's buffer.
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).assumeIsolated()
                    .whenComplete { _ in context.close(promise: nil) }
            case .begun(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .reset:
                // Without lingering, closing drops the connection instead of ending it.
                (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                    .assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            case .silence: break
            }
        }
    }
}
