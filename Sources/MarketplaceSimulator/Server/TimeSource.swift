/// The time since this value was made, on a clock whose instants nobody else needs to know.
struct TimeSource: Sendable {
    private let elapsed: @Sendable () -> Duration

    init(_ clock: any Clock<Duration>) { elapsed = Self.stopwatch(clock) }

    var now: Duration { elapsed() }

    private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }
}
