import Testing

@testable import PipelineTesting

@Suite("The clock of a test")
struct JumpingClockTests {
    @Test(
        "a pause ends at once and counts as time, whether it is announced before or after it begins",
        .timeLimit(.minutes(5)))
    func pause() async throws {
        let clock = JumpingClock()
        clock.skip(.seconds(3600))
        try await clock.sleep(for: .seconds(3600))
        #expect(clock.passed == .seconds(3600))
        async let sleeping: Void = clock.sleep(for: .seconds(7200))
        clock.skip(.seconds(7200))
        try await sleeping
        #expect(clock.passed == .seconds(10_800))
    }

    @Test("a time limit beside a pause stays", .timeLimit(.minutes(5)))
    func limit() async throws {
        let clock = JumpingClock()
        let limit = Task { try await clock.sleep(for: .seconds(600)) }
        clock.skip(.seconds(5))
        try await clock.sleep(for: .seconds(5))
        limit.cancel()
        await #expect(throws: CancellationError.self) { try await limit.value }
    }

    @Test("a sleep that nobody announced really lasts")
    func realSleep() async throws {
        let clock = JumpingClock()
        let start = ContinuousClock.now
        try await clock.sleep(for: .milliseconds(20))
        #expect(start.duration(to: .now) >= .milliseconds(20))
        #expect(clock.passed == .zero)
    }

    @Test("a client's pause takes no time", .timeLimit(.minutes(5)))
    func clientPause() async throws {
        let clock = JumpingClock()
        try await PauseClock(time: clock).sleep(for: .seconds(120))
        #expect(clock.passed == .seconds(120))
    }
}
