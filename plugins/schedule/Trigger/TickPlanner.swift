/// Decides what is to be done at a point in time, given up to when ticks have been dealt with. Pure, so that every jump
/// of the clock can be tried.
struct TickPlanner: Sendable {
    let schedule: Schedule
    let missed: MissedTicks
    let limit: Int
    let jitter: Jitter

    enum Step: Hashable {
        /// The run of `tick` starts at `start`.
        case wait(tick: Int64, start: Int64)
        /// There is no tick any more.
        case never
        /// Runs of these ticks start now, in this order. `isFolded`: there were others before them.
        case start([Int64], isFolded: Bool)
        /// Ticks up to this one came too late.
        case skip(through: Int64)
    }

    /// A tick that comes later than this is missed, in nanoseconds. Time enough to begin again.
    static let patience: Int64 = 60_000_000_000

    /// - Parameter watermark: Ticks up to this time have been dealt with.
    func step(after watermark: Int64, at now: Int64) -> Step {
        guard let first = schedule.next(after: watermark) else { return .never }
        guard start(of: first) <= now else { return .wait(tick: first, start: start(of: first)) }
        let last = latestDue(after: watermark, at: now) ?? first
        switch missed {
        case .skip where now - start(of: last) > Self.patience: return .skip(through: last)
        case .skip, .once: return .start([last], isFolded: last != first)
        case .all:
            var ticks = [last]
            while ticks.count < limit, let earliest = ticks.last,
                let tick = schedule.latest(after: watermark, through: earliest - 1)
            {
                ticks.append(tick)
            }
            return .start(ticks.reversed(), isFolded: ticks.last != first)
        }
    }

    /// When the tick's run starts.
    func start(of tick: Int64) -> Int64 {
        tick + jitter.delay(of: tick, before: schedule.next(after: tick))
    }

    /// Each tick's run starts before the next tick, so only the latest tick can be one whose run starts later.
    private func latestDue(after watermark: Int64, at now: Int64) -> Int64? {
        guard let latest = schedule.latest(after: watermark, through: now), start(of: latest) > now else {
            return schedule.latest(after: watermark, through: now)
        }
        return schedule.latest(after: watermark, through: latest - 1)
    }
}
