import Logging
import RunnelKit
import Synchronization

/// Says why callers of hooks are refused. The number of lines is bounded, because anybody can cause them.
final class RefusalLog: Sendable {
    private struct State {
        var bucket = TokenBucket(size: 20, per: .seconds(60))
        var suppressed = 0
    }

    private let logger: Logger
    private let redact: @Sendable (String) -> String
    private let elapsed: @Sendable () -> Duration
    private let state = Mutex(State())

    init(logger: Logger, redact: @escaping @Sendable (String) -> String) {
        self.logger = logger
        self.redact = redact
        let start = ContinuousClock.now
        elapsed = { ContinuousClock.now - start }
    }

    /// - Parameters:
    ///   - reason: Holds nothing that the caller sent.
    ///   - address: The caller's.
    func note(_ reason: String, path: String, from address: String, by route: ClaimedRoute) {
        let now = elapsed()
        let suppressed: Int? = state.withLock { state in
            guard state.bucket.take(at: now) == nil else {
                state.suppressed += 1
                return nil
            }
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        guard let suppressed else { return }
        if suppressed > 0 { logger.warning("\(suppressed) further webhooks were refused and not logged") }
        logger.warning(
            "a webhook was refused: \(reason)",
            metadata: [
                "pipeline": "\(route.pipeline)", "trigger": "\(route.key)",
                // Redacted before it is truncated: half a secret could not be recognised.
                "path": "\(redact(path).prefix(200))", "from": "\(address.prefix(64))",
            ])
    }
}
