import Hummingbird
import NIOCore
import RunnelSupport
import RunnelTesting
import Synchronization
import Testing

@testable import MarketplaceSimulator

@Suite("Stream player")
struct StreamPlayerTests {
    private final class Chunks: Sendable {
        let all = Mutex<[ByteBuffer]>([])
    }

    private struct Recorder: ResponseBodyWriter {
        let chunks: Chunks
        func write(_ buffer: ByteBuffer) async throws { chunks.all.withLock { $0.append(buffer) } }
        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    private func chunks(_ steps: [StreamStep], splitsCharacters: Bool = false, isClosed: Bool = false) async throws
        -> [[UInt8]]
    {
        let chunks = Chunks()
        var writer: any ResponseBodyWriter = Recorder(chunks: chunks)
        let player = StreamPlayer(
            clock: ManualClock(), isClosed: Watched(isClosed), splitsCharacters: splitsCharacters)
        try await player.play(steps, into: &writer) {}
        return chunks.all.withLock { $0.map { Array($0.readableBytesView) } }
    }

    @Test("each event is a chunk of its own")
    func whole() async throws {
        #expect(try await chunks([.send("ab"), .send("é")]) == [Array("ab".utf8), Array("é".utf8)])
    }

    @Test("an event with a character of several bytes is cut inside it")
    func split() async throws {
        let parts = try await chunks([.send("ab"), .send("xé!")], splitsCharacters: true)
        #expect(parts == [Array("ab".utf8), [0x78, 0xC3], [0xA9, 0x21]])
    }

    @Test("nothing is sent to a client that has left")
    func closed() async throws {
        await #expect(throws: ClientLeft.self) { try await chunks([.send("ab")], isClosed: true) }
        await #expect(throws: ClientLeft.self) { try await chunks([.stall(heartbeat: nil)], isClosed: true) }
    }
}
