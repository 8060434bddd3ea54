import ServiceLifecycle
import Synchronization

/// Cancels reading bodies that take too long. One shared periodic timer serves all, because a timer per body costs more
/// than reading it.
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

    init(timeout: Duration) {
        self.timeout = timeout
    }

    /// - Parameter cancel: Called after the timeout.
    /// - Returns: The token for ``leave(_:)``.
    func enter(_ cancel: @escaping @Sendable () -> Void) -> UInt64 {
        let deadline = ContinuousClock.now + timeout
        return state.withLock { state in
            state.next += 1
            state.readings[state.next] = Reading(deadline: deadline, cancel: cancel)
            return state.next
        }
    }

    /// - Returns: Whether it had timed out.
    func leave(_ number: UInt64) -> Bool {
        state.withLock { $0.readings.removeValue(forKey: number) } == nil
    }

    func run() async throws {
        // The precision of the timeout is one interval.
        let interval = min(timeout / 4, .milliseconds(250))
        await cancelWhenGracefulShutdown {
            while (try? await ContinuousClock().sleep(for: interval)) != nil { self.expire() }
        }
    }

    private func expire() {
        let now = ContinuousClock.now
        let over = state.withLock { state in
            let over = state.readings.filter { $0.value.deadline <= now }
            for number in over.keys { state.readings[number] = nil }
            return over
        }
        for reading in over.values { reading.cancel() }
    }
}
