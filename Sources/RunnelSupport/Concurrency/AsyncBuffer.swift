internal import Synchronization

/// A bounded buffer from a producer that must not be suspended, such as a thread that reads a pipe, to one task.
///
/// Backpressure: ``append(_:)`` says when the buffer is full. The producer then pauses until the consumer has taken what
/// is there, which the callback of ``onDrain(_:)`` tells it.
package final class AsyncBuffer<Element: Sendable, Failure: Error>: Sendable {
    private struct State {
        var elements: [Element] = []
        var size = 0
        var end: Result<Void, Failure>?
        var consumer: CheckedContinuation<Void, Never>?
        var drained: (@Sendable () -> Void)?

        var isReady: Bool { !elements.isEmpty || end != nil }

        /// The consumer, if it waits and there is something for it.
        mutating func wake() -> CheckedContinuation<Void, Never>? {
            guard isReady else { return nil }
            defer { consumer = nil }
            return consumer
        }
    }

    private let state = Mutex(State())
    private let limit: Int
    private let size: @Sendable (Element) -> Int

    /// - Parameters:
    ///   - limit: The size from which the buffer counts as full. What is appended together is kept whole.
    ///   - size: What one element counts, such as its bytes.
    package init(limit: Int, size: @escaping @Sendable (Element) -> Int = { _ in 1 }) {
        self.limit = limit
        self.size = size
    }

    /// Appends elements. What comes after the end is dropped.
    /// - Parameter onlyIfRoom: Whether a full buffer drops the elements: those of a producer that cannot pause.
    /// - Returns: False if the buffer is full: no more until it is drained.
    package func append(_ elements: [Element], onlyIfRoom: Bool = false) -> Bool {
        let (hasRoom, consumer) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard state.end == nil else { return (true, nil) }
            if onlyIfRoom, state.size > limit { return (false, nil) }
            state.elements += elements
            state.size = elements.reduce(state.size) { $0 + size($1) }
            return (state.size <= limit, state.wake())
        }
        consumer?.resume()
        return hasRoom
    }

    /// Sets what is called whenever the consumer has taken all there was.
    package func onDrain(_ drained: @escaping @Sendable () -> Void) {
        state.withLock { $0.drained = drained }
    }

    /// Marks the end; only the first one counts. The consumer gets what is buffered before it.
    package func finish(_ end: Result<Void, Failure> = .success(())) {
        let consumer = state.withLock { state in
            if state.end == nil { state.end = end }
            return state.wake()
        }
        consumer?.resume()
    }

    /// Marks the end and discards what is buffered, for a consumer that wants no more.
    package func drop() {
        let drained = state.withLock { state in
            if state.end == nil { state.end = .success(()) }
            (state.elements, state.size) = ([], 0)
            return state.drained
        }
        finish()
        drained?()
    }

    /// All that is buffered, at least one element; empty at the end. For one consumer.
    ///
    /// Cancellation does not end the wait: whoever cancels the consumer ends the producer, which finishes the buffer.
    package func next() async throws(Failure) -> [Element] {
        while true {
            let (elements, end, drained) = state.withLock { state in
                defer { (state.elements, state.size) = ([], 0) }
                return (state.elements, state.end, state.drained)
            }
            drained?()
            if !elements.isEmpty { return elements }
            if let end {
                try end.get()
                return []
            }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.isReady { state.consumer = continuation }
                    return state.isReady
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
