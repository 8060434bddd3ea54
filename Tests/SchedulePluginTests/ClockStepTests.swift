import RunnelKit
import RunnelTesting
import Testing

@testable import SchedulePlugin

@Suite("Clocks that are set") struct ClockStepTests {
    private let entry: ValueObject = ["cron": "*/10 * * * *", "timezone": "UTC"]

    @Test("after a small step back nothing comes twice, and waiting ends when the clock has caught up")
    func smallStepBack() async throws {
        let rig = try Rig(at: "2026-11-23T11:55:00Z")
        try await rig.life(entry) {
            await rig.pass(.seconds(301))
            try rig.setClock("2026-11-23T11:45:00Z")
            await rig.pass(.seconds(20 * 60))
            #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z"])
            await rig.pass(.seconds(5 * 60))
            #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z", "2026-11-23T12:10:00.000Z"])
        }
        #expect(await rig.harness.runs.duplicates == 0)
    }

    @Test("after a clock that was years ahead is set right, ticks come again at once")
    func wrongYear() async throws {
        let rig = try Rig(at: "2036-11-23T11:55:00Z")
        try await rig.life(entry) {
            await rig.pass(.seconds(301))
            try rig.setClock("2026-11-23T11:59:00Z")
            await rig.pass(.seconds(75))
            #expect(await rig.scheduled == ["2036-11-23T12:00:00.000Z", "2026-11-23T12:00:00.000Z"])
        }
    }

    @Test("hours that come again after a large step back start no second run")
    func largeStepBack() async throws {
        let rig = try Rig(at: "2026-11-23T09:55:00Z")
        try await rig.life(entry) {
            await rig.pass(.seconds(125 * 60))
            #expect(await rig.scheduled.count == 13)
            try rig.setClock("2026-11-23T10:05:00Z")
            await rig.pass(.seconds(130 * 60))
        }
        #expect(await rig.harness.runs.duplicates == 12)
        #expect(await rig.scheduled.count == 14)
        #expect(Set(await rig.scheduled).count == 14)
    }

    @Test("a watermark from a clock that was wrong is not believed after a restart")
    func restartWithRightClock() async throws {
        let rig = try Rig(at: "2036-11-23T11:55:00Z")
        try await rig.life(entry) { await rig.pass(.seconds(301)) }
        try rig.setClock("2026-11-23T11:59:00Z")
        try await rig.life(entry) {
            #expect(await rig.health.last == .waiting("next at 2026-11-23T12:00:00+00:00"))
        }
    }

    @Test(
        "a step forward, or sleep, is downtime",
        arguments: [("skip", []), ("once", ["14:00"]), ("all", ["13:40", "13:50", "14:00"])] as [(String, [String])])
    func stepForward(policy: String, expected: [String]) async throws {
        let rig = try Rig(at: "2026-11-23T13:35:00Z")
        try await rig.life(entry.merging("missed", .string(policy))) {
            try rig.setClock("2026-11-23T14:05:00Z")
            // The wall clock is looked at before the tick it was waiting for.
            await rig.pass(.seconds(15))
            #expect(await rig.scheduled == expected.map { "2026-11-23T\($0):00.000Z" })
            #expect(await rig.health.last == .waiting("next at 2026-11-23T14:10:00+00:00"))
        }
    }

    @Test("a step of seconds over a tick does not lose it, even with `missed: skip`")
    func slightStepForward() async throws {
        let rig = try Rig(at: "2026-11-23T13:39:50Z")
        try await rig.life(entry.merging("missed", "skip")) {
            try rig.setClock("2026-11-23T13:40:20Z")
            await rig.pass(.seconds(15))
            #expect(await rig.scheduled == ["2026-11-23T13:40:00.000Z"])
        }
    }
}
