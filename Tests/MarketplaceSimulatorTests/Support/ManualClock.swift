import Synchronization

/// A clock that stands still until a test moves it.
final class ManualClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var sleepers: [Int: Instant] = [:]
        var nextID = 0
        var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }
    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    func advance(by duration: Duration) { change { $0.now = $0.now.advanced(by: duration) } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = change { state in
            state.nextID += 1
            state.sleepers[state.nextID] = deadline
            return state.nextID
        }
        defer { change { $0.sleepers[id] = nil } }
        try await wait { $0.now >= deadline }
    }

    func waitForSleepers(_ count: Int) async throws { try await wait { $0.sleepers.count == count } }

    private func change<R: Sendable>(_ body: (inout sending State) -> sending R) -> R {
        let (result, watchers) = state.withLock { state in
            let result = body(&state)
            return (result, Array(state.watchers.values))
        }
        for watcher in watchers { watcher.yield() }
        return result
    }

    private func wait(until condition: (State) -> Bool) async throws {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.watchers[state.nextID] = continuation
            return state.nextID
        }
        defer { state.withLock { $0.watchers[id] = nil } }
        if state.withLock({ condition($0) }) { return }
        for await _ in signals where state.withLock({ condition($0) }) { return }
        throw CancellationError()
    }
}
