import RunnelKit

/// Decides whether and when a failed attempt is followed by another. Pure.
struct RetryPlan {
    let declaration: RetryDeclaration?

    /// How long to wait before the next attempt; nil when the failure is final.
    ///
    /// - Parameters:
    ///   - error: What the attempt ended with. Only a transient error is worth another attempt.
    ///   - attempt: The one that failed, from 1.
    ///   - jitter: Between 0 and 1: how much of the upper half of the wait is taken.
    func delay(after error: RunError, attempt: Int, jitter: Double) -> Duration? {
        guard let declaration, error.isTransient, attempt < declaration.attempts.number else { return nil }
        var wait = declaration.backoff
        if declaration.growth == .exponential {
            for _ in 1..<max(attempt, 1) where wait < declaration.maxBackoff { wait *= 2 }
        }
        wait = min(wait, declaration.maxBackoff)
        let jittered = wait * (0.5 + 0.5 * jitter)
        // Whoever asked to be left alone longer is, as long as the pipeline's author allows: a stranger decides nothing more.
        return max(jittered, min(error.retryAfter ?? .zero, declaration.maxBackoff))
    }

    /// What there is to say where the other side asked for more than is waited.
    static func note(_ error: RunError, wait: Duration, longest: Duration) -> String? {
        guard let asked = error.retryAfter, asked > wait else { return nil }
        return "asked to wait \(DurationText.format(asked)); `max_backoff` allows \(DurationText.format(longest))"
    }
}
