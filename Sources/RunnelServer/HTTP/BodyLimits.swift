import ServiceLifecycle
import Synchronization

/// Cancels reading bodies that take too long. One shared periodic timer serves all, because a timer per body costs more
/// than reading it. While nothing is read, it rests.
final class BodyDeadlines: Service, Sendable {
    private struct Reading {
        let deadline: ContinuousClock.Instant
        let cancel: @Sendable () -> Void
    }

    private struct State {
        var readings: [UInt64: Reading] = [:]
        var next: UInt64 = 0
    }

    let timeout: Duration
    private let state = Mutex(State())
    /// Yields when something is read again.
    private let begun: AsyncStream<Void>
    private let begin: AsyncStream<Void>.Continuation

    init(timeout: Duration) {
        self.timeout = timeout
        (begun, begin) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// - Parameter cancel: Called after the timeout.
    /// - Returns: The token for ``leave(_:)``.
    func enter(_ cancel: @escaping @Sendable () -> Void) -> UInt64 {
        let deadline = ContinuousClock.now + timeout
        let (number, isFirst) = state.withLock { state in
            state.next += 1
            state.readings[state.next] = Reading(deadline: deadline, cancel: cancel)
            return (state.next, state.readings.count == 1)
        }
        if isFirst { begin.yield() }
        return number
    }

    /// - Returns: Whether it had timed out.
    func leave(_ number: UInt64) -> Bool {
        state.withLock { $0.readings.removeValue(forKey: number) } == nil
    }

    func run() async throws {
        // The precision of the timeout is one interval.
        let interval = min(timeout / 4, .milliseconds(250))
        await cancelWhenGracefulShutdown {
            for await _ in self.begun {
                repeat {
                    guard (try? await ContinuousClock().sleep(for: interval)) != nil else { return }
                } while self.expire()
            }
        }
    }

    /// - Returns: Whether something is still read.
    private func expire() -> Bool {
        let now = ContinuousClock.now
        let (over, isReading) = state.withLock { state in
            let over = state.readings.filter { $0.value.deadline <= now }
            for number in over.keys { state.readings[number] = nil }
            return (over, !state.readings.isEmpty)
        }
        for reading in over.values { reading.cancel() }
        return isReading
    }
}

/// Limits the total memory of all request bodies. Those of anonymous callers can take half of it.
final class BodyMemory: Sendable {
    /// The share of one request.
    final class Share: Sendable {
        private let memory: BodyMemory
        private let isAnonymous: Bool
        private let held = Mutex(0)

        fileprivate init(_ memory: BodyMemory, isAnonymous: Bool) {
            self.memory = memory
            self.isAnonymous = isAnonymous
        }

        /// - Returns: Whether there is room for that many bytes.
        func take(_ count: Int) -> Bool {
            guard memory.take(count, isAnonymous: isAnonymous) else { return false }
            held.withLock { $0 += count }
            return true
        }

        /// Releases all bytes that were taken.
        func end() {
            let count = held.withLock { held in
                defer { held = 0 }
                return held
            }
            memory.giveBack(count, isAnonymous: isAnonymous)
        }
    }

    private let limit: Int
    private let held = Mutex((all: 0, anonymous: 0))

    init(limit: Int) {
        self.limit = limit
    }

    var heldBytes: Int { held.withLock { $0.all } }

    func share(isAnonymous: Bool = false) -> Share { Share(self, isAnonymous: isAnonymous) }

    private func take(_ count: Int, isAnonymous: Bool) -> Bool {
        held.withLock { held in
            guard held.all + count <= limit, !isAnonymous || held.anonymous + count <= limit / 2 else { return false }
            held.all += count
            if isAnonymous { held.anonymous += count }
            return true
        }
    }

    private func giveBack(_ count: Int, isAnonymous: Bool) {
        held.withLock { held in
            held.all -= count
            if isAnonymous { held.anonymous -= count }
        }
    }
}
