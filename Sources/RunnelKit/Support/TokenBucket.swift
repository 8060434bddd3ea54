/// A token bucket: limits how often something happens, with bursts up to the bucket's size.
///
/// The caller passes the time in, so that any clock can be used.
public struct TokenBucket: Sendable {
    /// How many tokens it holds at most.
    public let size: Int
    /// In which one token comes back.
    public let interval: Duration
    /// The time at which the bucket is full again; what lies beyond now is what has been taken.
    private var fullAt: Duration?

    /// A full bucket.
    ///
    /// - Parameters:
    ///   - size: How many tokens it holds, at least 1.
    ///   - period: In which it fills from empty; longer than nothing.
    public init(size: Int, per period: Duration) {
        self.size = max(1, size)
        interval = max(period / self.size, .nanoseconds(1))
    }

    /// Takes a token.
    ///
    /// - Parameter now: The time since some fixed moment, on a clock that does not jump.
    /// - Returns: nil if there was one; otherwise the time until there will be.
    public mutating func take(at now: Duration) -> Duration? {
        let full = max(fullAt ?? now, now) + interval
        let wait = full - now - interval * size
        guard wait <= .zero else { return wait }
        fullAt = full
        return nil
    }
}
