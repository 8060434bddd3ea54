import Foundation
import RunnelKit
import Testing

@testable import MCP

/// Two pipes with a server between them.
private final class Wires: Sendable {
    let toServer = Pipe()
    let fromServer = Pipe()

    func server(grace: Duration = .seconds(60)) -> MCPServer {
        let streams = StandardStreams(
            input: toServer.fileHandleForReading.fileDescriptor, output: fromServer.fileHandleForWriting.fileDescriptor,
            grace: grace)
        return MCPServer(name: "test", version: "1", provider: NoTools(), streams: streams)
    }

    func say(_ text: String) throws {
        try toServer.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }
}

private struct NoTools: ToolProvider {
    func tools() -> [ServedTool] { [] }
    func call(
        _ tool: String, _ arguments: ValueObject, progress: @escaping @Sendable (String) async -> Void
    ) async -> ToolOutcome { .failed(message: "", run: nil) }
}

/// Waits on a thread of its own, so that no task has to.
private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread { continuation.resume(returning: body()) }.start()
    }
}

@Suite("The streams of an MCP server", .timeLimit(.minutes(5))) struct MCPStreamTests {
    private static let ping = #"{"jsonrpc":"2.0","id":"\#(String(repeating: "i", count: 60_000))","method":"ping"}"#

    @Test("all that was asked is answered in order when the input ends, also a last line without its end")
    func inOrder() async throws {
        let wires = Wires()
        let server = wires.server()
        let asked = (0..<500).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"ping"}"# }
        try wires.say(asked.joined(separator: "\n"))
        try wires.toServer.fileHandleForWriting.close()
        let reading = wires.fromServer.fileHandleForReading
        async let answers = onThread { reading.readDataToEndOfFile() }
        await server.run()
        try wires.fromServer.fileHandleForWriting.close()
        let expected = (0..<500).map { #"{"jsonrpc":"2.0","id":\#($0),"result":{}}"# + "\n" }
        #expect(String(decoding: await answers, as: UTF8.self) == expected.joined())
    }

    @Test(
        "a client that does not read cannot keep the server from ending, when its input ends or the task is cancelled")
    func deaf() async throws {
        for isCancelled in [false, true] {
            let wires = Wires()
            let server = wires.server(grace: .milliseconds(100))
            let task = Task { await server.run() }
            // More than both pipes hold, so that the server waits for its client.
            let writing = wires.toServer.fileHandleForWriting
            let line = Data((Self.ping + "\n").utf8)
            for _ in 0..<2 { try writing.write(contentsOf: line) }
            if isCancelled { task.cancel() } else { try writing.close() }
            await task.value
            withExtendedLifetime(wires) {}
        }
    }

    /// What there is, up to a little.
    private static func piece(_ descriptor: CInt) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 997) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
    }

    @Test("a client that reads slowly gets whole messages, also when its side of the pipe does not wait")
    func slow() async throws {
        let wires = Wires()
        let descriptor = wires.fromServer.fileHandleForWriting.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0)
        let server = wires.server()
        let writing = wires.toServer.fileHandleForWriting
        let lines = Data(String(repeating: Self.ping + "\n", count: 20).utf8)
        async let asked: Void = onThread {
            _ = try? writing.write(contentsOf: lines)
            _ = try? writing.close()
        }
        let task = Task { await server.run() }
        let reading = wires.fromServer.fileHandleForReading
        var received = 0
        var ends = 0
        while ends < 20 {
            let piece = await onThread { Self.piece(reading.fileDescriptor) }
            received += piece.count
            ends += piece.count { $0 == 0x0A }
            if piece.isEmpty { break }
        }
        await asked
        await task.value
        withExtendedLifetime(wires) {}
        #expect(ends == 20)
        #expect(
            received == 20 * (Self.ping.utf8.count - #","method":"ping""#.utf8.count + #","result":{}"#.utf8.count + 1))
    }
}
