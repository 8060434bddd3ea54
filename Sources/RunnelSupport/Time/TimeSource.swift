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
