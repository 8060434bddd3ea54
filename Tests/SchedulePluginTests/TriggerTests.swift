import RunnelKit
import RunnelTesting
import Testing

@testable import SchedulePlugin

@Suite("Starting runs at set times") struct TriggerTests {
    @Test("a run starts at each tick and says which one it is for")
    func ticks() async throws {
        let rig = try Rig(at: "2026-11-23T23:59:50Z")
        try await rig.life(["cron": "*/2 * * * *", "timezone": "Asia/Tokyo"]) {
            #expect(await rig.health == [.waiting("next at 2026-11-24T09:00:00+09:00")])
            await rig.pass(.seconds(9))
            #expect(await rig.scheduled.isEmpty)
            await rig.pass(.seconds(121))
            #expect(await rig.scheduled == ["2026-11-24T00:00:00.000Z", "2026-11-24T00:02:00.000Z"])
            #expect(await rig.health.last == .waiting("next at 2026-11-24T09:04:00+09:00"))
        }
        let event = try #require(await rig.harness.runs.accepted.first)
        #expect(event.dedupeKey == "schedule@2026-11-24T00:00:00.000Z")
        #expect(
            event.payload == [
                "scheduled_for": "2026-11-24T00:00:00.000Z", "fired_at": "2026-11-24T00:00:00.000Z",
            ])
        #expect(event.input == .null)
    }

    @Test("intervals are counted from the anchor, not from the start")
    func intervals() async throws {
        let rig = try Rig(at: "2026-11-23T12:00:10Z")
        try await rig.life(["every": "90s", "timezone": "UTC", "anchor": "2026-11-23T00:00:05Z"]) {
            #expect(await rig.health == [.waiting("next at 2026-11-23T12:01:35+00:00")])
            await rig.pass(.seconds(180))
            #expect(await rig.scheduled == ["2026-11-23T12:01:35.000Z", "2026-11-23T12:03:05.000Z"])
        }
    }

    @Test("a first start makes up for nothing")
    func firstStart() async throws {
        let rig = try Rig(at: "2026-11-23T12:00:00Z")
        try await rig.life(["cron": "* * * * *", "missed": "all"]) {
            #expect(await rig.scheduled.isEmpty)
        }
    }

    @Test("what came before the first tick while Runnel was down was missed too")
    func missedBeforeFirstTick() async throws {
        let rig = try Rig(at: "2026-11-23T08:00:00Z")
        let entry: ValueObject = ["cron": "0 9 * * *", "timezone": "UTC"]
        try await rig.life(entry)
        rig.downtime(.seconds(7200))
        try await rig.life(entry) {
            #expect(await rig.scheduled == ["2026-11-23T09:00:00.000Z"])
        }
        #expect(await rig.harness.runs.accepted.first?.payload["fired_at"] == "2026-11-23T10:00:00.000Z")
    }

    @Test(
        "after downtime `missed` decides",
        arguments: [
            ("skip", nil, []),
            ("once", nil, ["12:06:00"]),
            ("all", nil, ["12:01:00", "12:02:00", "12:03:00", "12:04:00", "12:05:00", "12:06:00"]),
            ("all", 2, ["12:05:00", "12:06:00"]),
        ] as [(String, Int64?, [String])])
    func missed(policy: String, limit: Int64?, expected: [String]) async throws {
        let rig = try Rig(at: "2026-11-23T11:59:30Z")
        var entry: ValueObject = ["cron": "0-6 * * * *", "missed": .string(policy)]
        entry["max_missed"] = limit.map { .int($0) }
        try await rig.life(entry) { await rig.pass(.seconds(31)) }
        rig.downtime(.seconds(600))
        try await rig.life(entry) {
            #expect(await rig.scheduled == (["12:00:00"] + expected).map { "2026-11-23T\($0).000Z" })
            #expect(await rig.health.last == .waiting("next at 2026-11-23T13:00:00+00:00"))
        }
        // None of them again.
        let count = await rig.scheduled.count
        rig.downtime(.seconds(60))
        try await rig.life(entry) { #expect(await rig.scheduled.count == count) }
    }

    @Test("a restart of seconds misses nothing, whatever the policy")
    func restart() async throws {
        let rig = try Rig(at: "2026-11-23T11:59:30Z")
        let entry: ValueObject = ["cron": "0 * * * *", "missed": "skip"]
        try await rig.life(entry)
        rig.downtime(.seconds(50))
        try await rig.life(entry) {
            #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z"])
        }
        rig.downtime(.seconds(1))
        try await rig.life(entry) {
            #expect(await rig.scheduled.count == 1)
            await rig.pass(.seconds(3600))
            #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z", "2026-11-23T13:00:00.000Z"])
        }
        #expect(await rig.harness.runs.duplicates == 0)
    }

    @Test("two processes start one run a tick")
    func twoProcesses() async throws {
        let rig = try Rig(at: "2026-11-23T11:59:30Z")
        let context = rig.harness.context
        let entry: ValueObject = ["cron": "* * * * *"]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask { try await TriggerDefinition(ScheduleTrigger.self).run(entry, context) }
            }
            await rig.clock.waitForSleepers(2)
            for _ in 0..<20 {
                rig.clock.advance(by: .seconds(15))
                await rig.clock.waitForSleepers(2)
            }
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
        }
        #expect(await rig.scheduled == (0...4).map { "2026-11-23T12:0\($0):00.000Z" })
    }

    @Test("a changed schedule begins from now, also when it is changed back")
    func edited() async throws {
        let rig = try Rig(at: "2026-11-23T11:00:00Z")
        let (first, second): (ValueObject, ValueObject) = (
            ["cron": "0 * * * *", "missed": "all"], ["cron": "30 * * * *", "missed": "all"]
        )
        try await rig.life(first)
        for entry in [second, first, first.merging("timezone", "Asia/Kolkata")] {
            rig.downtime(.seconds(7200))
            try await rig.life(entry) { #expect(await rig.scheduled.isEmpty) }
        }
    }

    @Test("an entry that was disabled meanwhile makes up for nothing")
    func disabled() async throws {
        let rig = try Rig(at: "2026-11-23T11:00:00Z")
        let entry: ValueObject = ["cron": "0 * * * *"]
        try await rig.life(entry)
        try await rig.life(entry.merging("enabled", false)) {
            #expect(await rig.health.last == .waiting("disabled", translations: ["ja": "無効"]))
            await rig.pass(.seconds(7200))
        }
        try await rig.life(entry) {
            await rig.pass(.seconds(60))
            #expect(await rig.scheduled.isEmpty)
        }
    }

    @Test("forgetting the watermark, as for an entry that was removed, lets it begin anew")
    func forgotten() async throws {
        let rig = try Rig(at: "2026-11-23T11:00:00Z")
        let entry: ValueObject = ["cron": "0 * * * *"]
        try await rig.life(entry) { await rig.pass(.seconds(3600)) }
        #expect(Array(rig.harness.memory.all.keys) == [Watermark.key])
        rig.harness.memory.set([Watermark.key: nil])
        rig.downtime(.seconds(7200))
        try await rig.life(entry) { #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z"]) }
    }

    @Test("the plugin brings the trigger, whose keys are these")
    func plugin() throws {
        let trigger = try #require(try StepRegistry([SchedulePlugin()]).trigger(named: "schedule"))
        #expect(
            trigger.fields.map(\.key) == [
                "cron", "every", "anchor", "timezone", "missed", "max_missed", "jitter", "enabled",
            ])
    }

    @Test("a refused tick is tried again until it is accepted, and what came meanwhile follows")
    func refusal() async throws {
        let rig = try Rig(at: "2026-11-23T11:59:50Z")
        await rig.harness.runs.refuse(
            TriggerRefusal(.overloaded, "1000 runs are waiting", retryAfter: .seconds(50)))
        try await rig.life(["cron": "* * * * *", "timezone": "UTC", "missed": "all"]) {
            await rig.pass(.seconds(100))
            #expect(
                await rig.health.last
                    == .problem("the run of 2026-11-23T12:00:00+00:00 has to wait: 1000 runs are waiting"))
            await rig.harness.runs.refuse(nil)
            await rig.pass(.seconds(20))
            #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z", "2026-11-23T12:01:00.000Z"])
            #expect(await rig.health.last == .waiting("next at 2026-11-23T12:02:00+00:00"))
        }
        let fired = await rig.harness.runs.accepted.first?.payload["fired_at"]
        #expect(fired == "2026-11-23T12:01:40.000Z")
    }

    @Test("cancelling during a refusal leaves the tick for the next start")
    func cancelledWhileRefused() async throws {
        let rig = try Rig(at: "2026-11-23T11:59:50Z")
        let entry: ValueObject = ["cron": "0 12 * * *", "timezone": "UTC"]
        await rig.harness.runs.refuse(TriggerRefusal(.shuttingDown, "Runnel is shutting down"))
        try await rig.life(entry) { await rig.pass(.seconds(20)) }
        await rig.harness.runs.refuse(nil)
        rig.downtime(.seconds(600))
        try await rig.life(entry) { #expect(await rig.scheduled == ["2026-11-23T12:00:00.000Z"]) }
    }
}

extension ValueObject {
    func merging(_ key: String, _ value: Value) -> ValueObject {
        var copy = self
        copy[key] = value
        return copy
    }
}
