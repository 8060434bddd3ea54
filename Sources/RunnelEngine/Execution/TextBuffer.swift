import RunnelKit
import Synchronization

/// Buffers text of steps for the journal: consecutive texts of one step become one event.
final class TextBuffer: Sendable {
    private struct State {
        var events: [RunEvent] = []
        var size = 0
        /// The time of the last flush request; nanoseconds since 1970.
        var flushedAt: Int64?
    }

    /// The interval between writes while a text streams, in nanoseconds.
    private static let interval: Int64 = 100_000_000
    /// The limit in bytes. Text beyond it is only in the step's output.
    private static let limit = 1 << 18

    private let state = Mutex(State())

    /// - Returns: Whether the buffer should be flushed.
    func append(_ event: RunEvent) -> Bool {
        state.withLock { state in
            guard state.size < Self.limit else { return false }
            if case .stepText(let place, let text) = event.kind {
                state.size += text.utf8.count
                if let last = state.events.last, case .stepText(place, let before) = last.kind {
                    state.events[state.events.count - 1].kind = .stepText(place, before + text)
                } else {
                    state.events.append(event)
                }
            } else {
                state.size += 256
                state.events.append(event)
            }
            // A clock that jumps back makes the next write early, never late.
            if let last = state.flushedAt, event.time >= last, event.time &- last < Self.interval { return false }
            state.flushedAt = event.time
            return true
        }
    }

    func take() -> [RunEvent] {
        state.withLock { state in
            defer { (state.events, state.size) = ([], 0) }
            return state.events
        }
    }
}
