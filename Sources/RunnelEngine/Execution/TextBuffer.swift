import RunnelKit
import Synchronization

/// Holds what steps said for the journal: texts of one step that follow each other are one event.
final class TextBuffer: Sendable {
    private struct State {
        var events: [RunEvent] = []
        var size = 0
        /// When the buffer was last asked to be written; nanoseconds since 1970.
        var flushedAt: Int64?
    }

    /// Between two writes while a text streams, in nanoseconds.
    private static let interval: Int64 = 100_000_000
    /// In bytes. What a watcher could have seen beyond that is in the step's output.
    private static let limit = 1 << 18

    private let state = Mutex(State())

    /// - Returns: Whether it is time to write.
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
            // A clock that jumps back makes the next write come early, never late.
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
