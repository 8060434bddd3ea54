import Logging
import RunnelEngine
import RunnelKit
import Testing

@testable import RunnelCLI

@Suite("The time for retention") struct RetentionClockTests {
    private static let hour = Int64(3_600_000_000_000)
    private static let start = 20_000 * hour

    private func clock(lastRun: Int64? = nil) -> RetentionClock {
        RetentionClock(wall: Self.start, elapsed: .zero, lastRun: lastRun)
    }

    @Test("it is the wall clock while that goes on steadily, is set back, or is set forward by less than an hour")
    func steady() {
        var clock = clock()
        for (wall, elapsed) in [(0, 0), (30, 30), (31, 30), (24, 31), (25, 32), (32, 39)] {
            let now = Self.start + Int64(wall) * Self.hour
            #expect(clock.time(wall: now, elapsed: .seconds(elapsed * 3600)) == now)
            #expect(clock.lead == nil)
        }
    }

    @Test("a clock that is ahead for seconds moves it by these seconds")
    func jump() {
        var clock = clock()
        let ahead = Self.start + 2400 * Self.hour
        for seconds in [Int64(0), 5, 7] {
            let passed = seconds * 1_000_000_000
            #expect(clock.time(wall: ahead + passed, elapsed: .seconds(seconds)) == Self.start + passed)
            #expect(clock.lead == .seconds(2400 * 3600))
        }
        let now = Self.start + 10_000_000_000
        #expect(clock.time(wall: now, elapsed: .seconds(10)) == now)
        #expect(clock.lead == nil)
    }

    @Test("a clock that was set forward is followed after six hours in which it went on steadily")
    func patience() {
        var clock = clock()
        let ahead = Self.start + 2400 * Self.hour
        #expect(clock.time(wall: ahead, elapsed: .zero) == Self.start)
        // It jumps again, so that the time begins anew.
        let further = ahead + 100 * Self.hour
        for (hours, isTrusted) in [(3, false), (6, false), (8, false), (9, true), (10, true)] {
            let passed = Int64(hours) * Self.hour
            let time = clock.time(wall: further + passed, elapsed: .seconds(hours * 3600))
            #expect(time == (isTrusted ? further : Self.start) + passed)
        }
    }

    @Test("at the start it is at most six hours after the last earlier run")
    func idle() {
        var recent = clock(lastRun: Self.start - 7 * Self.hour)
        #expect(recent.time(wall: Self.start, elapsed: .zero) == Self.start)
        let long = Self.start - 2400 * Self.hour
        var idle = clock(lastRun: long)
        #expect(idle.time(wall: Self.start, elapsed: .zero) == long + 6 * Self.hour)
        let later = Self.start + 6 * Self.hour
        #expect(idle.time(wall: later, elapsed: .seconds(6 * 3600)) == later)
    }

    @Test("the last earlier run is the newest that is older than six hours by the clock, whatever it says now")
    func lastRun() async throws {
        let journal = MemoryJournal()
        let housekeeping = Housekeeping(
            journal: journal, retention: Retention(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        func time(afterRun hours: Int64) async throws -> Int64 {
            let time = Self.start - hours * Self.hour
            let id = UUIDv7.make(nanoseconds: time)
            _ = await journal.accept(
                RunRecord(id: id, pipeline: "p", definition: "d", trigger: [:], createdAt: time), memory: nil)
            var clock = try await housekeeping.makeClock(Self.start, .zero)
            return clock.time(wall: Self.start, elapsed: .zero)
        }
        #expect(try await time(afterRun: 0) == Self.start)
        #expect(try await time(afterRun: 2400) == Self.start - 2394 * Self.hour)
        #expect(try await time(afterRun: 1) == Self.start - 2394 * Self.hour)
        #expect(try await time(afterRun: 7) == Self.start)
    }
}
