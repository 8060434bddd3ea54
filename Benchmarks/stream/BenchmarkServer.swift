internal import LibC
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Answers `POST /<shape>/<events>/…` with a stream that was made beforehand, so that the server costs next to nothing.
enum BenchmarkServer {
    static func run() async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try channel.pipeline.syncOperations.addHandler(StreamHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        print(channel.localAddress?.port ?? 0)
        // Whoever started the server waits for the line, which a file or pipe would keep back.
        fflush(nil)
        try await channel.closeFuture.get()
    }
}

private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private var answer: ByteBuffer?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let path = head.uri.split(separator: "/")
            answer = StreamHandler.answer(
                shape: path.first ?? "", count: path.dropFirst().first.flatMap { Int($0) } ?? 0)
        case .body: break
        case .end:
            guard var answer else { return }
            while let slice = answer.readSlice(length: min(answer.readableBytes, 64 * 1024)), slice.readableBytes > 0 {
                context.write(wrapOutboundOut(slice), promise: nil)
            }
            context.flush()
        }
    }

    private static func answer(shape: Substring, count: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(count * 160)
        buffer.writeString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        let words = ["Hello", " world", ", こんにちは", " \\\"quoted\\\"", " and", " some", " more", ".\\n"]
        for index in 0..<count {
            let delta = #""delta":{"content":"\#(words[index % words.count])"}"#
            write(
                shape == "guide"
                    ? #"{"createdAt":"2026-11-23T10:00:00.000Z","model":"AGENTIC STAR","choices":[{"index":0,\#(delta)}]}"#
                    : #"{"choices":[{\#(delta)}]}"#, &buffer)
        }
        write("[DONE]", &buffer)
        buffer.writeString("0\r\n\r\n")
        return buffer
    }

    private static func write(_ data: String, _ buffer: inout ByteBuffer) {
        let event = "data: \(data)\n\n"
        buffer.writeString("\(String(event.utf8.count, radix: 16))\r\n\(event)\r\n")
    }
}
