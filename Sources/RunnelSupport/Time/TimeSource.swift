internal import LibC

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

extension Clock<Duration> {
    /// Sleeps until the next multiple of an interval since the first such sleep of this process. Polling loops wake up at
    /// the same times, so that an idle process wakes up less often. A clock of a test sleeps for the interval.
    package func sleep(untilNext interval: Duration) async throws {
        let origin = PollingOrigin.shared
        switch self {
        case let clock as ContinuousClock: try await clock.sleep(untilNext: interval, since: origin.continuous)
        case let clock as SuspendingClock: try await clock.sleep(untilNext: interval, since: origin.suspending)
        default: try await sleep(for: interval)
        }
    }

    private func sleep(untilNext interval: Duration, since origin: Instant) async throws {
        let past = origin.duration(to: now)
        try await sleep(until: origin.advanced(by: interval * (Int(past / interval) + 1)), tolerance: nil)
    }
}

/// The same moment on both clocks of the system.
private struct PollingOrigin {
    let continuous = ContinuousClock.now
    let suspending = SuspendingClock.now

    static let shared = PollingOrigin()
}

/// The time of day.
package enum WallClock {
    /// Nanoseconds since 1970, to the microsecond.
    @Sendable package static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) / 1000 * 1000
    }
}

/// Formats times in the machine's time zone with its offset.
package enum LocalTime {
    /// - Parameter nanoseconds: Since 1970.
    /// - Returns: A text such as `2026-11-24T09:00:00+09:00`.
    package static func text(_ nanoseconds: Int64) -> String {
        var text = format(nanoseconds, "%Y-%m-%dT%H:%M:%S%z")
        // RFC 3339 requires a colon in the offset.
        if text.count > 2 { text.insert(":", at: text.index(text.endIndex, offsetBy: -2)) }
        return text
    }

    /// For a column: `09:00:00` today, `11-24 09:00` this year, `2025-11-24` before.
    package static func short(_ nanoseconds: Int64, now: Int64 = WallClock.nanoseconds()) -> String {
        if format(nanoseconds, "%Y-%m-%d") == format(now, "%Y-%m-%d") { return format(nanoseconds, "%H:%M:%S") }
        let isThisYear = format(nanoseconds, "%Y") == format(now, "%Y")
        return format(nanoseconds, isThisYear ? "%m-%d %H:%M" : "%Y-%m-%d")
    }

    /// For a column of a table: ``short(_:now:)`` on a terminal, ``text(_:)`` where a program reads the table.
    package static func column(
        _ nanoseconds: Int64, isOnTerminal: Bool, now: Int64 = WallClock.nanoseconds()
    ) -> String {
        isOnTerminal ? short(nanoseconds, now: now) : text(nanoseconds)
    }

    /// The name and the offset of the time zone, such as `JST (+0900)`.
    package static func zone(_ nanoseconds: Int64) -> String { format(nanoseconds, "%Z (%z)") }

    /// The hour of the day, 0 to 23.
    package static func hour(_ nanoseconds: Int64) -> Int { Int(format(nanoseconds, "%H")) ?? 0 }

    private static func format(_ nanoseconds: Int64, _ format: String) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "\(seconds)" }
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
