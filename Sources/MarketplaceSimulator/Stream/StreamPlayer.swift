import Hummingbird
import NIOCore
import RunnelSupport

/// The client went away, so there is nobody to send to.
struct ClientLeft: Error {}

/// Plays a script into the body of a response.
struct StreamPlayer: Sendable {
    let clock: any Clock<Duration>
    /// Becomes true when the connection is closed.
    let isClosed: Watched<Bool>
    let splitsCharacters: Bool

    /// - Throws: `ClientLeft` as soon as the client leaves, `CancellationError` when the server stops.
    func play(_ steps: [StreamStep], into writer: inout any ResponseBodyWriter, reset: () -> Void) async throws {
        for step in steps {
            if isClosed.value { throw ClientLeft() }
            switch step {
            case .send(let text):
                let bytes = Array(text.utf8)
                for chunk in splitsCharacters ? WordSplitter.cutInsideCharacter(bytes) : [bytes] {
                    try await writer.write(ByteBuffer(bytes: chunk))
                }
            case .pause(let duration):
                try await pause(duration)
            case .stall(nil):
                try await isClosed.wait { $0 }
                throw ClientLeft()
            case .stall(let heartbeat?):
                while true {
                    try await pause(heartbeat)
                    try await writer.write(ByteBuffer(string: ChunkFormat.heartbeat))
                }
            case .reset:
                reset()
                throw ClientLeft()
            }
        }
    }

    /// Waits, but no longer than the client does.
    private func pause(_ duration: Duration) async throws {
        let hasLeft = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await clock.sleep(for: duration)
                return false
            }
            group.addTask {
                try await isClosed.wait { $0 }
                return true
            }
            defer { group.cancelAll() }
            return try await group.next() ?? true
        }
        if hasLeft { throw ClientLeft() }
    }
}
