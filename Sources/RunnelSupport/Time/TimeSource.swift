/// A clock of any kind, read as the duration since this value was made.
package struct TimeSource: Sendable {
    /// The time since the source was made.
    package let now: @Sendable () -> Duration
    /// The clock itself, for time limits.
    package let clock: any Clock<Duration>
    /// Sleeps; throws `CancellationError` when the task is cancelled.
    package let sleep: @Sendable (Duration) async throws -> Void

    package init(_ clock: any Clock<Duration>) {
        self = Self.make(clock)
    }

    private init(
        clock: any Clock<Duration>, now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.clock = clock
        self.now = now
        self.sleep = sleep
    }

    private static func make<C: Clock<Duration>>(_ clock: C) -> TimeSource {
        let start = clock.now
        return TimeSource(
            clock: clock, now: { start.duration(to: clock.now) },
            sleep: { try await clock.sleep(until: clock.now.advanced(by: $0), tolerance: nil) })
    }
}

/// Exponential backoff with jitter: a delay that doubles with each attempt, up to a maximum. Jitter takes up to half of
/// it off, so that callers do not come back all at once.
package struct Backoff: Sendable, Hashable {
    /// The delay after the first attempt.
    package var initial: Duration
    /// Where the doubling ends.
    package var maximum: Duration

    package init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The delay after an attempt has failed.
    /// - Parameters:
    ///   - attempt: Which attempt failed, from 1.
    ///   - jitter: Between 0 and 1: how much of the upper half of the delay is kept.
    package func delay(afterAttempt attempt: Int, jitter: Double = 1) -> Duration {
        var delay = initial
        var doublings = attempt - 1
        while doublings > 0, delay > .zero, delay < maximum {
            delay *= 2
            doublings -= 1
        }
        return min(delay, maximum) * (0.5 + 0.5 * jitter)
    }
}
