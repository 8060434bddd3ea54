import Synchronization

/// A condition that becomes true once, for any number of tasks that wait for it.
package final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [Int: AsyncStream<Never>.Continuation] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Lets all go on who wait, and all who will. Opened again, nothing happens.
    package func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Returns once the latch is open or the task is cancelled.
    package func wait() async {
        let (waiting, waiter) = AsyncStream.makeStream(of: Never.self)
        let id = state.withLock { state -> Int? in
            guard !state.isOpen else { return nil }
            state.nextID += 1
            state.waiters[state.nextID] = waiter
            return state.nextID
        }
        guard let id else { return }
        for await _ in waiting {}
        state.withLock { $0.waiters[id] = nil }
    }
}
