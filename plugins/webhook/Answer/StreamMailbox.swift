internal import RunnelKit
internal import Synchronization

/// Holds what a run says until a caller has read it. A caller who is slow gets larger pieces, and one who is very slow
/// loses text and is told how much; the run never waits, and memory is bounded.
final class StreamMailbox: Sendable {
    enum Item: Sendable, Hashable {
        case text(step: String, String)
        /// So many bytes of text were left out here.
        case gap(bytes: Int)
        case heartbeat
    }

    private struct State {
        var items: [Item] = []
        /// Bytes that are held, about.
        var size = 0

        /// What a piece takes beside its text.
        static let overhead = 64

        mutating func add(_ step: String, _ text: String, limit: Int) {
            if items == [.heartbeat] { items = [] }
            let count = text.utf8.count
            if case .text(step, let earlier)? = items.last, size + count <= limit {
                size += count
                items[items.count - 1] = .text(step: step, earlier + text)
            } else if size + count + Self.overhead <= limit {
                size += count + Self.overhead
                items.append(.text(step: step, text))
            } else if case .gap(let bytes)? = items.last {
                items[items.count - 1] = .gap(bytes: bytes + count)
            } else {
                items.append(.gap(bytes: count))
            }
        }
    }

    private let limit: Int
    private let state = Mutex(State())
    /// Says that there is something to fetch; ends with the run.
    let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameter limit: Bytes that are held at most, about.
    init(limit: Int) {
        self.limit = limit
        (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ update: RunUpdate) {
        guard case .text(let step, let text) = update, !text.isEmpty else { return }
        state.withLock { $0.add(step, text, limit: limit) }
        signal.yield()
    }

    /// Puts a sign of life where nothing else waits.
    func beat() {
        state.withLock { if $0.items.isEmpty { $0.items = [.heartbeat] } }
        signal.yield()
    }

    /// Nothing more comes.
    func close() {
        signal.finish()
    }

    func take() -> [Item] {
        state.withLock { state in
            defer { state = State() }
            return state.items
        }
    }
}
