import RunnelKit

/// The time for removing what is older than a limit. It does not follow the wall clock when that is suddenly ahead: a clock
/// that was wrong for seconds would remove all runs and dedupe keys.
struct RetentionClock: Sendable {
    private struct Reading {
        var wall: Int64
        var elapsed: Duration

        /// How far another reading of the wall clock is ahead of what has passed since this one.
        func lead(of other: Reading) -> Duration {
            .nanoseconds(other.wall - wall) - (other.elapsed - elapsed)
        }
    }

    private var trusted: Reading
    /// The first reading that was ahead, while the clock is not trusted.
    private var doubtful: Reading?

    /// How far the clock may be ahead.
    static let tolerance = Duration.seconds(3600)
    /// How long a clock must go on steadily to be trusted after it was ahead.
    static let patience = Duration.seconds(6 * 3600)

    /// - Parameters:
    ///   - wall: Nanoseconds since 1970, now.
    ///   - elapsed: On a steady clock, now.
    ///   - lastRun: When the newest run was created that is older than ``patience`` by this clock; nil without one. The clock
    ///     was trusted then.
    init(wall: Int64, elapsed: Duration, lastRun: Int64?) {
        let certain = lastRun.map { $0 + Self.patience.nanoseconds } ?? wall
        trusted = Reading(wall: min(wall, certain), elapsed: elapsed)
    }

    /// How far the wall clock is ahead while it is not trusted.
    var lead: Duration? { doubtful.map(trusted.lead) }

    /// - Parameters:
    ///   - wall: Nanoseconds since 1970.
    ///   - elapsed: On a steady clock.
    /// - Returns: The time that is certain to have come, in nanoseconds since 1970.
    mutating func time(wall: Int64, elapsed: Duration) -> Int64 {
        let now = Reading(wall: wall, elapsed: elapsed)
        guard trusted.lead(of: now) > Self.tolerance else { return trust(now) }
        guard let first = doubtful, abs(first.lead(of: now).nanoseconds) <= Self.tolerance.nanoseconds else {
            doubtful = now
            return trusted.wall + (elapsed - trusted.elapsed).nanoseconds
        }
        guard elapsed - first.elapsed < Self.patience else { return trust(now) }
        return trusted.wall + (elapsed - trusted.elapsed).nanoseconds
    }

    private mutating func trust(_ now: Reading) -> Int64 {
        (trusted, doubtful) = (now, nil)
        return now.wall
    }
}
