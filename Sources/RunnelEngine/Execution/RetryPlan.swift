import RunnelKit

/// Decides whether and when a failed attempt is retried. Pure.
struct RetryPlan {
    let declaration: RetryDeclaration?

    /// The delay before the next attempt; nil if the failure is final.
    ///
    /// - Parameters:
    ///   - error: The error of the attempt. Only transient errors are retried.
    ///   - attempt: The number of the failed attempt, from 1.
    ///   - jitter: Between 0 and 1: the part of the upper half of the delay that is used.
    func delay(after error: RunError, attempt: Int, jitter: Double) -> Duration? {
        guard let declaration, error.isTransient, attempt < declaration.attempts.number else { return nil }
        let backoff = Backoff(initial: declaration.backoff, maximum: declaration.maxBackoff)
        let isGrowing = declaration.growth == .exponential
        let jittered = backoff.delay(afterAttempt: isGrowing ? attempt : 1, jitter: jitter)
        // A server's Retry-After extends the delay, up to `max_backoff`: it is untrusted.
        return max(jittered, min(error.retryAfter ?? .zero, declaration.maxBackoff))
    }

    /// A note if the server asked for a longer wait than allowed.
    static func note(_ error: RunError, wait: Duration, longest: Duration) -> String? {
        guard let asked = error.retryAfter, asked > wait else { return nil }
        return "asked to wait \(DurationText.format(asked)); `max_backoff` allows \(DurationText.format(longest))"
    }
}
