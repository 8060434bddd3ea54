internal import RunnelSupport
internal import RunnelValue

/// The number and the delays of retries of a call that failed before its first text: exponential backoff with jitter.
public struct RetryPolicy: Sendable, Equatable {
    /// How often a call is made at most, the first time included.
    public var attempts: Int
    /// The delay before the second attempt. It doubles with each further one; a random part of up to half is taken off,
    /// so that callers do not come back all at once.
    public var baseDelay: Duration
    /// The maximum delay. A server's `Retry-After` may be longer.
    public var maxDelay: Duration
    /// The longest `Retry-After` that is waited for. When a server asks for more, the call fails and says so: coming
    /// back earlier than asked would only make things worse.
    public var maxRetryAfter: Duration

    /// Makes a policy: four attempts, 500 ms, 30 s and 2 minutes unless told otherwise.
    public init(
        attempts: Int = 4, baseDelay: Duration = .milliseconds(500), maxDelay: Duration = .seconds(30),
        maxRetryAfter: Duration = .seconds(120)
    ) {
        self.attempts = attempts
        self.baseDelay = baseDelay
        self.maxDelay = maxDelay
        self.maxRetryAfter = maxRetryAfter
    }
}

/// A failed attempt, as the decision about another one sees it.
struct FailedAttempt: Error, Sendable {
    var error: MarketplaceError
    /// Whether the call may be made again without anyone having seen a part of its answer.
    var mayRepeat: Bool
    /// The server refused the token: a new one may be accepted.
    var tokenRefused = false
}

/// What to do about a failed attempt.
enum RetryDecision: Equatable {
    case retry(after: Duration)
    case fail(MarketplaceError)

    /// - Parameters:
    ///   - attempt: which attempt failed, from 1.
    ///   - jitter: a random number from 0 up to 1.
    ///   - remaining: what is left of the total time, if that is limited.
    static func decide(
        _ failure: FailedAttempt, attempt: Int, policy: RetryPolicy, jitter: Double, remaining: Duration? = nil
    ) -> RetryDecision {
        let error = failure.error.after(attempts: attempt)
        guard failure.mayRepeat, failure.error.isTransient, attempt < policy.attempts else { return .fail(error) }
        var delay = backoff(attempt: attempt, policy: policy, jitter: jitter)
        if let asked = error.retryAfter {
            guard asked <= policy.maxRetryAfter else {
                return .fail(
                    error.keeping(
                        partialText: error.partialText,
                        hint: "the server asks to wait \(DurationText.format(asked)), longer than the "
                            + "\(DurationText.format(policy.maxRetryAfter)) the client waits by itself: try again after that time"
                    ))
            }
            delay = max(delay, asked)
        }
        if let remaining, delay >= remaining {
            guard let asked = error.retryAfter, asked == delay else { return .fail(error) }
            return .fail(
                error.keeping(
                    partialText: error.partialText,
                    hint: "the server asks to wait \(DurationText.format(asked)), and less than that is left of the "
                        + "total time-out: try again after that time, or raise the total time-out"))
        }
        return .retry(after: delay)
    }

    static func backoff(attempt: Int, policy: RetryPolicy, jitter: Double) -> Duration {
        Backoff(initial: policy.baseDelay, maximum: policy.maxDelay).delay(afterAttempt: attempt, jitter: 1 - jitter)
    }
}
