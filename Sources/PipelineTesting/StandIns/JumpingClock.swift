import Synchronization

/// The clock of a test: a pause that is known to be one takes no time, but counts as time that has passed.
///
/// Which sleep is a pause and which is a time limit on real work cannot be seen from a sleep alone. So whoever knows
/// says it, with ``skip(_:)`` or ``pass(_:)``; any other sleep really lasts as long as it says. ``now`` stands still, so
/// that a sleep is known by its length.
final class JumpingClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration = .zero

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper {
        let id: Int
        let length: Duration
        let wake: AsyncStream<Void>.Continuation
    }

    private struct State {
        var passed: Duration = .zero
        var sleepers: [Sleeper] = []
        var nextID = 0
        /// The lengths of pauses that were announced before they began.
        var announced: [Duration] = []
    }

    private let state = Mutex(State())

    var now: Instant { Instant() }
    var minimumResolution: Duration { .nanoseconds(1) }

    /// How long all pauses together would have been.
    var passed: Duration { state.withLock { $0.passed } }

    /// Counts a pause.
    func pass(_ length: Duration) {
        state.withLock { $0.passed += length }
    }

    /// Says that somebody sleeps, or is about to, for exactly this long, and that it is a pause: it ends at once. Of
    /// several such sleepers the latest is meant.
    func skip(_ length: Duration) {
        let sleeper = state.withLock { state -> Sleeper? in
            state.passed += length
            guard let index = state.sleepers.lastIndex(where: { $0.length == length }) else {
                state.announced.append(length)
                return nil
            }
            return state.sleepers.remove(at: index)
        }
        sleeper?.wake.finish()
    }

    func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try Task.checkCancellation()
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self)
        let sleeper = state.withLock { state -> Sleeper? in
            let length = deadline.offset
            // A pause is counted when it is announced.
            if let index = state.announced.firstIndex(of: length) {
                state.announced.remove(at: index)
                return nil
            }
            state.nextID += 1
            let sleeper = Sleeper(id: state.nextID, length: length, wake: wake)
            state.sleepers.append(sleeper)
            return sleeper
        }
        guard let sleeper else { return }
        defer { state.withLock { $0.sleepers.removeAll { $0.id == sleeper.id } } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await ContinuousClock().sleep(for: sleeper.length) }
            group.addTask {
                for await _ in wakes {}
                try Task.checkCancellation()
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }
}

/// The clock of the Marketplace client in a test, whose time limits are all ``limit``: any sleep that is much shorter
/// is a pause before another attempt, and takes no time.
struct PauseClock: Clock {
    /// What the client's time limits are set to.
    static let limit: Duration = .seconds(6 * 86_400)

    let time: JumpingClock

    var now: JumpingClock.Instant { time.now }
    var minimumResolution: Duration { time.minimumResolution }

    func sleep(until deadline: JumpingClock.Instant, tolerance: Duration? = nil) async throws {
        let length = now.duration(to: deadline)
        guard length < Self.limit / 2 else { return try await ContinuousClock().sleep(for: length) }
        try Task.checkCancellation()
        time.pass(length)
    }
}
