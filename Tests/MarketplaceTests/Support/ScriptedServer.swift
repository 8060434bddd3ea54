import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real HTTP server on the loopback interface whose answers a test writes by hand.
final class ScriptedServer: Sendable {
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let arrivals: AsyncStream<ServerExchange>
    let log: RequestLog

    /// - Parameter answer: answers a request at once and says whether it did; the others are left to ``next()``.
    init(answer: @escaping @Sendable (ServerExchange) -> Bool = { _ in false }) async throws {
        let (arrivals, continuation) = AsyncStream<ServerExchange>.makeStream()
        let log = RequestLog()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        channel = try await ServerBootstrap(group: group)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    try sync.configureHTTPServerPipeline(withErrorHandling: false)
                    try sync.addHandler(
                        RequestCollector { exchange in
                            log.add(exchange)
                            if !answer(exchange) { continuation.yield(exchange) }
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.arrivals = arrivals
        self.log = log
    }

    var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }

    /// The next request that was not answered at once.
    func next() async throws -> ServerExchange {
        for await exchange in arrivals { return exchange }
        throw CancellationError()
    }

    func stop() async throws {
        try await channel.close()
        try await group.shutdownGracefully()
    }
}

/// What a server was asked, in order.
final class RequestLog: Sendable {
    private let entries = Mutex<[ServerExchange]>([])

    func add(_ exchange: ServerExchange) { entries.withLock { $0.append(exchange) } }
    func requests(to path: String) -> [ServerExchange] { entries.withLock { $0.filter { $0.head.uri == path } } }
}

/// One request, and the means to answer it piece by piece.
struct ServerExchange: Sendable {
    let head: HTTPRequestHead
    let body: String
    fileprivate let channel: any Channel

    /// Sends the head of an event stream.
    func beginStream() { begin(200, ["Content-Type": "text/event-stream; charset=utf-8"]) }

    func begin(_ status: Int, _ headers: HTTPHeaders) {
        write(.head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)))
    }

    /// Sends text as one chunk.
    func send(_ text: String) { send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) { write(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }

    /// Sends one chunk that holds an event of this data.
    func event(_ data: String) { send("data: \(data)\n\n") }
    func text(_ text: String) { event(#"{"choices":[{"delta":{"content":"\#(text)"}}]}"#) }

    func end() { write(.end(nil)) }
    func done() {
        event("[DONE]")
        end()
    }

    /// A whole event stream with one piece of text.
    func streamAnswer(_ text: String) {
        beginStream()
        self.text(text)
        done()
    }

    /// A whole answer with a length.
    func reply(_ status: Int, _ body: String, type: String? = "application/json", headers: HTTPHeaders = [:]) {
        var headers = headers
        if let type { headers.add(name: "Content-Type", value: type) }
        headers.add(name: "Content-Length", value: "\(body.utf8.count)")
        begin(status, headers)
        send(body)
        end()
    }

    /// Ends the connection in the middle of whatever it was doing.
    func breakConnection() { channel.close(promise: nil) }

    /// Returns when the client has closed the connection.
    func untilClosed() async throws { try await channel.closeFuture.get() }

    /// Sends and waits until the bytes have left this process.
    func sendAndWait(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes)))).get()
    }

    private func write(_ part: HTTPServerResponsePart) {
        channel.writeAndFlush(part, promise: nil)
    }
}

private final class RequestCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let receive: (ServerExchange) -> Void
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ receive: @escaping (ServerExchange) -> Void) {
        self.receive = receive
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var part): body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            receive(ServerExchange(head: head, body: String(buffer: body), channel: context.channel))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
