import AsyncHTTPClient
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import Marketplace

@Suite("Joining the chunks of a response")
struct ChunkCoalescerTests {
    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test("chunks that arrive together are one")
    func together() {
        #expect(
            Self.coalesced(["\(Self.head)5\r\nfirst\r\n6\r\nsecond\r\n", "1\r\n.\r\n0\r\n\r\n"]) == [
                "\(Self.head)0000000b\r\nfirstsecond\r\n", "00000001\r\n.\r\n0\r\n\r\n",
            ])
    }

    @Test("no byte of a chunk waits for its end")
    func noDelay() {
        #expect(
            Self.coalesced([Self.head, "A\r\n01", "2345678", "9\r", "\n1", "\r\n", "x", "\r\n0\r\n", "\r\n"]) == [
                Self.head, "00000002\r\n01", "\r\n00000007\r\n2345678", "\r\n00000001\r\n9", "\r\n", "",
                "00000001\r\nx", "\r\n0\r\n", "\r\n",
            ])
    }

    @Test(
        "what it does not understand passes through unchanged, and so does all that follows",
        arguments: [
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: 1\n\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n\(head)1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "\(head)1;name=value\r\na\r\n1\r\nb\r\n0\r\n\r\n", "\(head)000000001\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "\(head)\r\n1\r\na\r\n1\r\nb\r\n", "\(head)-1\r\na\r\n1\r\nb\r\n",
            "\(head)0\r\nTrailer: 1\r\n\r\n\(head)1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "\r\n\(head)1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
        ])
    func unknown(_ response: String) {
        #expect(Self.coalesced([response]) == [response])
    }

    @Test("a chunk whose end is wrong is followed by what the server sent")
    func wrongEnd() {
        #expect(Self.coalesced(["\(Self.head)1\r\naX1\r\nb\r\n"]) == ["\(Self.head)00000001\r\naX1\r\nb\r\n"])
        #expect(
            Self.coalesced([Self.head, "1\r\na\r", "1\r\nb\r\n"]) == [Self.head, "00000001\r\na", "\r1\r\nb\r\n"])
    }

    @Test("bodies of a known length, answers without a body and chunked ones follow each other on a connection")
    func keepAlive() {
        let counted = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        let empty = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
        #expect(
            Self.coalesced(["\(counted)\(empty)\(Self.head)1\r\na\r\n1\r\nb\r\n0\r\n\r\n"]) == [
                "\(counted)\(empty)\(Self.head)00000002\r\nab\r\n0\r\n\r\n"
            ])
    }

    @Test("the decoder finds the same responses and the same faults with and without it, however the bytes are cut")
    func sameResponses() throws {
        var random = SeededGenerator(seed: 20_261_128)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        for round in 0..<3_000 {
            var bytes: [UInt8] = []
            for _ in 0...below(3) { bytes += Self.response { below($0) } }
            // Half of the rounds have faults.
            for _ in 0..<below(2) * below(4) {
                let faults = Array("\r\n0f;: Z".utf8)
                switch below(3) {
                case 0: bytes[below(bytes.count)] = faults[below(faults.count)]
                case 1: bytes.insert(faults[below(faults.count)], at: below(bytes.count))
                default: bytes.remove(at: below(bytes.count))
                }
            }
            var pieces: [[UInt8]] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + 1 + below(below(4) == 0 ? 200 : 12))
                pieces.append(Array(bytes[start..<end]))
                start = end
            }
            let plain = try Self.decoded([bytes], coalesces: false)
            #expect(try Self.decoded(pieces, coalesces: true) == plain, "round \(round)")
            #expect(try Self.decoded([bytes], coalesces: true) == plain, "round \(round), in one piece")
        }
    }

    // MARK: - Support

    @Test("a connection keeps no large receive buffer after a burst")
    func receiveBuffer() async throws {
        let configuration = try MarketplaceConfiguration(baseURL: "http://127.0.0.1:1", authentication: .none)
        let initializer = try #require(configuration.httpClientConfiguration.http1_1ConnectionDebugInitializer)
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let client = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHTTPClientHandlers() }
            }
            .connect(to: try #require(server.localAddress)).get()
        try await initializer(client).get()
        let allocator = try await client.getOption(.recvAllocator).get()
        #expect((allocator as? AdaptiveRecvByteBufferAllocator)?.maximum == 16 * 1024)
        try await client.close()
        try await server.close()
    }

    private static func response(_ below: (Int) -> Int) -> [UInt8] {
        let text = String(repeating: "data: 1\r\n\r\n", count: below(9))
        switch below(5) {
        case 0: return Array("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8)
        case 1: return Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)
        default:
            var response = "HTTP/1.1 200 OK\r\nServer: a\r\ntransfer-encoding: Chunked\r\n\r\n"
            for _ in 0..<below(6) {
                let chunk = text + "x"
                response += "\(String(chunk.utf8.count, radix: 16, uppercase: below(2) == 0))\r\n\(chunk)\r\n"
            }
            return Array((response + (below(5) == 0 ? "0\r\nTrailer: 1\r\n\r\n" : "0\r\n\r\n")).utf8)
        }
    }

    private static func coalesced(_ pieces: [String]) -> [String] {
        var coalescer = ChunkCoalescer()
        return pieces.map { String(buffer: coalescer.coalesce(ByteBuffer(string: $0))) }
    }

    /// The responses as text, and the error that ended them.
    private static func decoded(_ pieces: [[UInt8]], coalesces: Bool) throws -> [String] {
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        if coalesces { try pipeline.addHandler(ChunkCoalescingHandler()) }
        try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder()))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        for _ in 0..<4 {
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
            pipeline.write(NIOAny(HTTPClientRequestPart.head(head)), promise: nil)
        }
        var responses: [String] = []
        do {
            for piece in pieces { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        } catch {
            responses.append("\(error)")
        }
        while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head(let head): responses.append("\(head.status) \(head.headers) ")
            case .body(let body): responses[responses.count - 1] += String(buffer: body)
            case .end(let trailers): responses.append("end \(trailers.map { "\($0)" } ?? "")")
            }
        }
        _ = try? channel.finish()
        return responses
    }
}
