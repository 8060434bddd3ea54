import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A connection to a server, on which anything can be sent.
final class Wire {
    private let channel: any Channel
    private var incoming: AsyncStream<[UInt8]>.Iterator
    /// What has come and was not read yet.
    private var buffer: [UInt8] = []
    private let received: Counter

    private final class Counter: Sendable {
        let count = Mutex(0)
    }

    /// The server closed the connection before what was waited for came.
    struct Closed: Error { let text: String }

    /// - Parameter readsByItself: Whether what comes is taken from the system as it comes.
    /// - Parameter tls: For HTTPS.
    init(port: Int, readsByItself: Bool = true, tls: NIOSSLContext? = nil) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let received = Counter()
        var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        // Some systems hold 32 MiB for a reader that reads nothing.
        if !readsByItself { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 64 << 10) }
        channel =
            try await bootstrap
            .channelOption(.autoRead, value: readsByItself)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(Receiver(continuation, received))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        incoming = stream.makeAsyncIterator()
        self.received = received
    }

    /// How many bytes have come so far.
    var receivedCount: Int { received.count.withLock { $0 } }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// Sends for as long as the server takes it.
    ///
    /// - Returns: How many times `text` went out.
    func sendWithoutEnd(_ text: String, atMost count: Int) async -> Int {
        for sent in 0..<count {
            do { try await send(text) } catch { return sent }
        }
        return count
    }

    /// Sends until something comes back.
    func sendUntilAnswered(_ text: String) async {
        while receivedCount == 0 {
            do { try await send(text) } catch { return }
        }
    }

    func startReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
        channel.read()
    }

    /// Everything up to `mark`, which is part of it.
    func read(to mark: String) async throws -> String {
        while true {
            if let range = buffer.firstRange(of: Array(mark.utf8)) {
                defer { buffer.removeSubrange(..<range.upperBound) }
                return String(decoding: buffer[..<range.upperBound], as: UTF8.self)
            }
            guard let more = await incoming.next() else {
                throw Closed(text: String(decoding: buffer, as: UTF8.self))
            }
            buffer += more
        }
    }

    /// Everything until the server closes the connection.
    func readToEnd() async -> [UInt8] {
        while let more = await incoming.next() { buffer += more }
        defer { buffer = [] }
        return buffer
    }

    func closeOutput() async throws {
        try await channel.close(mode: .output)
    }

    func close() async {
        try? await channel.close()
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let continuation: AsyncStream<[UInt8]>.Continuation
        private let received: Counter

        init(_ continuation: AsyncStream<[UInt8]>.Continuation, _ received: Counter) {
            self.continuation = continuation
            self.received = received
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            received.count.withLock { $0 += bytes.count }
            continuation.yield(bytes)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed? = event as? ChannelEvent { continuation.finish() }
            context.fireUserInboundEventTriggered(event)
        }

        func channelInactive(context: ChannelHandlerContext) {
            continuation.finish()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            continuation.finish()
            context.close(promise: nil)
        }
    }
}
