import RunnelKit
import Testing

@testable import SchedulePlugin

@Suite("Deciding what is due") struct PlannerTests {
    private func planner(
        _ schedule: Schedule, missed: MissedTicks = .once, limit: Int = 100, jitter: Int64 = 0, of trigger: String = "a"
    ) -> TickPlanner {
        TickPlanner(schedule: schedule, missed: missed, limit: limit, jitter: Jitter(limit: jitter, of: trigger))
    }

    @Test("jitter delays by up to its limit, the same each time, and differently for other triggers")
    func jitter() throws {
        let hourly = try schedule("0 * * * *")
        let (limit, hour): (Int64, Int64) = (30_000_000_000, 3_600_000_000_000)
        let (one, other) = (planner(hourly, jitter: limit), planner(hourly, jitter: limit, of: "b"))
        let ticks = (0..<1000).map { Int64($0) * hour }
        let delays = ticks.map { one.start(of: $0) - $0 }
        #expect(delays.allSatisfy { (0...limit).contains($0) })
        #expect(
            delays.contains { $0 < limit / 20 } && delays.contains { $0 > limit / 20 * 19 }, "all of the range is used")
        #expect(delays == ticks.map { one.start(of: $0) - $0 })
        #expect(delays != ticks.map { other.start(of: $0) - $0 })
    }

    @Test("jitter that is longer than the time to the next tick ends before that")
    func longJitter() throws {
        let planner = planner(try schedule("* * * * *"), jitter: 3_600_000_000_000)
        for minute in 0..<1000 as Range<Int64> {
            let tick = minute * 60_000_000_000
            #expect((tick..<tick + 60_000_000_000).contains(planner.start(of: tick)))
        }
    }

    @Test("a tick is not due before its jitter is over, and the one before it still is")
    func dueWithJitter() throws {
        let minute: Int64 = 60_000_000_000
        let planner = planner(try schedule("* * * * *"), missed: .all, jitter: minute)
        let start = planner.start(of: 10 * minute)
        #expect(start > 10 * minute)
        #expect(planner.step(after: 9 * minute, at: start - 1) == .wait(tick: 10 * minute, start: start))
        #expect(planner.step(after: 9 * minute, at: start) == .start([10 * minute], isFolded: false))
        #expect(planner.step(after: 8 * minute, at: start - 1) == .start([9 * minute], isFolded: false))
    }

    /// Whoever looks at each of nine thousand million seconds is not done within the limit.
    @Test("centuries of missed seconds are decided on without looking at each", .timeLimit(.minutes(1)))
    func longDowntime() throws {
        let (start, end) = (try time("1970-01-01T00:00:00Z"), try time("2262-01-01T00:00:00.5Z"))
        let seconds = try schedule("* * * * * *")
        #expect(planner(seconds).step(after: start, at: end) == .start([end - 500_000_000], isFolded: true))
        let all = planner(seconds, missed: .all, limit: 3).step(after: start, at: end)
        #expect(all == .start((0..<3).map { end - 500_000_000 - (2 - $0) * 1_000_000_000 }, isFolded: true))
    }

    @Test("`skip` leaves out what is later than a minute")
    func patience() throws {
        let planner = planner(try schedule("0 * * * *"), missed: .skip)
        let tick = try time("2026-11-23T12:00:00Z")
        #expect(planner.step(after: tick - 1, at: tick + TickPlanner.patience) == .start([tick], isFolded: false))
        #expect(planner.step(after: tick - 1, at: tick + TickPlanner.patience + 1) == .skip(through: tick))
    }

    @Test("at the end of what 64 bits can say there is no tick any more")
    func end() throws {
        #expect(planner(try schedule("0 0 1 1 *")).step(after: try time("2262-02-01T00:00:00Z"), at: 0) == .never)
    }
}
