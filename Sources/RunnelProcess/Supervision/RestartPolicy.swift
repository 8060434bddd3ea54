internal import RunnelSupport

/// The restart policy for children that died. Pure; times are relative to any fixed moment.
///
/// A child that did some work before it died is restarted at once; otherwise after a pause with exponential backoff.
package struct RestartPolicy: Sendable, Hashable {
    private let backoff: Backoff
    private(set) var failures = 0
    private var notBefore: Duration = .zero

    package init(initial: Duration = .milliseconds(250), maximum: Duration = .seconds(30)) {
        backoff = Backoff(initial: initial, maximum: maximum)
    }

    /// Records that the child died, or could not be started.
    package mutating func died(at time: Duration, hadWorked: Bool) {
        guard !hadWorked else {
            failures = 0
            notBefore = .zero
            return
        }
        failures += 1
        notBefore = time + backoff.delay(afterAttempt: failures)
    }

    /// The pause before the next start.
    package func pause(at time: Duration) -> Duration {
        max(.zero, notBefore - time)
    }
}
