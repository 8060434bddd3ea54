/// Decides whether and when a webhook is sent again.
struct DeliveryRetry: Sendable, Hashable {
    enum Decision: Hashable {
        case retry(after: Duration)
        case giveUp
        /// The receiver asks for more patience than a step has.
        case asksTooMuch(Duration)
    }

    /// A receiver that asks for more is not asked again: coming back much earlier would be refused.
    static let longestRetryAfter: Duration = .seconds(600)

    /// How often is sent at most, the first time included.
    let attempts: Int
    /// The delay before the second attempt; it doubles with each further one.
    let backoff: Duration
    /// Where the doubling ends, and the longest wait, also where the receiver asks for a longer one.
    let maxBackoff: Duration

    /// - Parameters:
    ///   - attempt: which attempt failed, from 1.
    ///   - isTransient: whether the failure may pass.
    ///   - retryAfter: what the receiver asked for.
    ///   - generator: takes up to half of the delay off by chance, so that senders do not come back all at once.
    func decide(
        attempt: Int, isTransient: Bool, retryAfter: Duration?, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        guard isTransient, attempt < attempts else { return .giveUp }
        var delay = min(backoff, maxBackoff)
        for _ in 1..<max(attempt, 1) where delay < maxBackoff { delay = min(delay * 2, maxBackoff) }
        delay = Self.rounded(delay * Double.random(in: 0.5...1, using: &generator))
        guard let retryAfter else { return .retry(after: delay) }
        guard retryAfter <= Self.longestRetryAfter else { return .asksTooMuch(retryAfter) }
        return .retry(after: max(delay, min(retryAfter, maxBackoff)))
    }

    /// A delay that reads well in a note: whole milliseconds below a second, tenths above.
    private static func rounded(_ delay: Duration) -> Duration {
        let step: Int64 = delay < .seconds(1) ? 1 : 100
        let milliseconds = delay / .milliseconds(step)
        return .milliseconds(Int64(milliseconds.rounded(.up)) * step)
    }
}
