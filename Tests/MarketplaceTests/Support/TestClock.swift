import Synchronization

/// A clock that stands still until it is told to go on.
final class TestClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration = .zero

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (one: Instant, other: Instant) -> Bool { one.offset < other.offset }
    }

    private struct Sleeper {
        var deadline: Instant
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct Observer {
        var predicate: @Sendable (Duration) -> Bool
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = Instant()
        var lastID = 0
        var sleepers: [Int: Sleeper] = [:]
        var observers: [Observer] = []
    }

    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    let minimumResolution: Duration = .nanoseconds(1)

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (resume, observers) = state.withLock { state -> (Result<Void, any Error>?, [Observer]) in
                    if Task.isCancelled { return (.failure(CancellationError()), []) }
                    if deadline <= state.now { return (.success(()), []) }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    let left = state.now.duration(to: deadline)
                    let seen = state.observers.filter { $0.predicate(left) }
                    state.observers.removeAll { $0.predicate(left) }
                    return (nil, seen)
                }
                if let resume { continuation.resume(with: resume) }
                for observer in observers { observer.continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until somebody sleeps for a time of which the predicate holds.
    func untilSleeping(where predicate: @escaping @Sendable (Duration) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.values.contains(where: { predicate(state.now.duration(to: $0.deadline)) }) {
                    return true
                }
                state.observers.append(Observer(predicate: predicate, continuation: continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Waits until somebody sleeps for exactly this long.
    func untilSleeping(for duration: Duration) async {
        await untilSleeping { $0 == duration }
    }

    /// Lets time pass and wakes who has slept long enough.
    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Lets time pass from one sleeper's end to the next until the operation has ended, however the sleeps come about.
    func passing<Success: Sendable>(
        during operation: @escaping @Sendable () async throws -> Success
    ) async throws -> Success {
        try await withThrowingTaskGroup(of: Success?.self) { group in
            group.addTask(operation: operation)
            group.addTask {
                while !Task.isCancelled {
                    if let next = self.untilNextEnd { self.advance(by: next) }
                    await Task.yield()
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private var untilNextEnd: Duration? {
        state.withLock { state in
            state.sleepers.values.map { state.now.duration(to: $0.deadline) }.min()
        }
    }
}
