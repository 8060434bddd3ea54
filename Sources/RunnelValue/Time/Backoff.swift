/// Exponential backoff with jitter: a delay that doubles with each attempt, up to a maximum. Jitter takes up to half of
/// it off, so that callers do not come back all at once.
public struct Backoff: Sendable, Hashable {
    /// The delay after the first attempt.
    public var initial: Duration
    /// Where the doubling ends.
    public var maximum: Duration

    /// Makes a backoff; its delays are never longer than `maximum`.
    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The delay after an attempt has failed.
    /// - Parameters:
    ///   - attempt: Which attempt failed, from 1.
    ///   - jitter: Between 0 and 1: how much of the upper half of the delay is kept.
    public func delay(afterAttempt attempt: Int, jitter: Double = 1) -> Duration {
        var delay = initial
        var doublings = attempt - 1
        while doublings > 0, delay > .zero, delay < maximum {
            delay *= 2
            doublings -= 1
        }
        return min(delay, maximum) * (0.5 + 0.5 * jitter)
    }
}
