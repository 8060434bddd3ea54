internal import LibC

/// The time of day.
package enum WallClock {
    /// Nanoseconds since 1970, to the microsecond.
    @Sendable package static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) / 1000 * 1000
    }
}
