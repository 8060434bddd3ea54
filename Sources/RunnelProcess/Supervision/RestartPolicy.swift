/// When a child that has died is started again. Pure; times are since any fixed moment.
///
/// A child that did some work before it died is started again at once. One that dies without having done any is started
/// again after a pause, which doubles each time.
struct RestartPolicy: Sendable, Hashable {
    let initial: Duration
    let maximum: Duration
    private(set) var failures = 0
    private var notBefore: Duration = .zero

    init(initial: Duration = .milliseconds(250), maximum: Duration = .seconds(30)) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The child has died, or could not be started.
    mutating func died(at time: Duration, hadWorked: Bool) {
        guard !hadWorked else {
            failures = 0
            notBefore = .zero
            return
        }
        failures += 1
        notBefore = time + min(maximum, initial * (1 << min(failures - 1, 20)))
    }

    /// How long the next start has to wait.
    func pause(at time: Duration) -> Duration {
        max(.zero, notBefore - time)
    }
}
