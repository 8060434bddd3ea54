/// The clock of the Marketplace client in a test, whose time limits are all ``limit``: any sleep that is much shorter
/// is a pause before another attempt, and takes no time.
struct PauseClock: Clock {
    /// What the client's time limits are set to.
    static let limit: Duration = .seconds(6 * 86_400)

    let time: JumpingClock

    var now: JumpingClock.Instant { time.now }
    var minimumResolution: Duration { time.minimumResolution }

    func sleep(until deadline: JumpingClock.Instant, tolerance: Duration? = nil) async throws {
        let length = now.duration(to: deadline)
        guard length < Self.limit / 2 else { return try await ContinuousClock().sleep(for: length) }
        try Task.checkCancellation()
        time.pass(length)
    }
}
