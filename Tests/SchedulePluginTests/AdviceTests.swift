import RunnelKit
import RunnelTesting
import Testing

@testable import SchedulePlugin

@Suite("Special days, starts and doubtful expressions") struct AdviceTests {
    private func next(_ cron: String, after: String, _ count: Int = 3) throws -> [String] {
        let schedule = Schedule(try CronExpression(cron), in: try Zone(field: "UTC"))
        var time = try #require(Timestamp.parse(after))
        var ticks: [String] = []
        while ticks.count < count, let tick = schedule.next(after: time) {
            ticks.append(String(Timestamp.text(nanoseconds: tick).prefix(16)))
            time = tick
        }
        return ticks
    }

    @Test(
        "`L-n` is the day n days before the last of the month",
        arguments: [
            ("0 0 L-2 * *", ["2026-01-29T00:00", "2026-02-26T00:00", "2026-03-29T00:00"]),
            ("0 0 l-1 2 *", ["2026-02-27T00:00", "2027-02-27T00:00", "2028-02-28T00:00"]),
            ("0 0 L-30 * *", ["2026-01-01T00:00", "2026-03-01T00:00", "2026-05-01T00:00"]),
            ("0 0 1,L-0 * *", nil), ("0 0 L-31 * *", nil), ("0 0 L-x * *", nil),
        ] as [(String, [String]?)])
    func lastDays(cron: String, ticks: [String]?) throws {
        guard let ticks else {
            let error = try #require(throws: FieldError.self) { try CronExpression(cron) }
            #expect(error.message.hasSuffix("whose number after \"L-\" is not between 1 and 30"))
            #expect(error.hint == "\"L-2\" is the day two before the last of the month")
            return
        }
        #expect(try next(cron, after: "2025-12-31T23:00:00Z") == ticks)
    }

    @Test(
        "an expression that probably says something else is warned about, with what to write instead",
        arguments: [
            (
                "* */15 * * * *",
                """
                the cron expression "* */15 * * * *" starts a run every second of each minute that matches: 60 a \
                minute; for one run a minute write "0 */15 * * * *"
                """
            ),
            (
                "* 30 9 * * *",
                """
                the cron expression "* 30 9 * * *" starts a run every second of each minute that matches: 60 a \
                minute; for one run a minute write "0 30 9 * * *"
                """
            ),
            (
                "*/45 * * * *",
                """
                the step of "*/45" does not divide 60: it means the minutes 0, 45 and begins anew with each hour; for \
                every 45 minutes use "every" instead of "cron": every: 45m
                """
            ),
            (
                "0 */5 * * *",
                """
                the step of "*/5" does not divide 24: it means the hours 0, 5, 10, …, 20 and begins anew with each \
                day; for every 5 hours use "every" instead of "cron": every: 5h
                """
            ),
        ])
    func doubtful(cron: String, words: String) throws {
        let warnings = try CronExpression(cron).warnings
        #expect(warnings.map { [$0.message, $0.hint ?? ""].joined(separator: "; ") } == [words])
    }

    @Test(
        "ordinary expressions are not warned about",
        arguments: [
            "*/15 * * * *", "0 */6 * * *", "* * * * *", "* * * * * *", "*/10 * * * * *", "0 0 */2 * *", "5/25 * * * *",
            "@daily", "@reboot",
        ])
    func ordinary(cron: String) throws {
        #expect(try CronExpression(cron).warnings.isEmpty)
    }

    @Test(
        "keys without effect are warnings",
        arguments: [
            (
                ["cron": "@reboot", "timezone": "UTC", "jitter": "10s"],
                [
                    "`timezone`: it has no effect with `cron: \"@reboot\"`; leave it out",
                    "`jitter`: it has no effect with `cron: \"@reboot\"`; leave it out",
                ]
            ),
            (
                ["cron": "@daily", "missed": "once", "max_missed": 5],
                ["`max_missed`: it has no effect with `missed: once`; write `missed: all`, or leave it out"]
            ),
            (["every": "1h", "missed": "all", "max_missed": 5, "jitter": "10s"], []),
        ] as [(ValueObject, [String])])
    func withoutEffect(entry: ValueObject, words: [String]) throws {
        #expect(try ScheduleTrigger(fields: entry).warnings().map(\.description) == words)
    }

    @Test("`@reboot` starts one run each time Runnel starts, however often the trigger begins anew")
    func reboot() async throws {
        var rig = try Rig(at: "2026-11-24T00:00:00Z")
        let start = try #require(Timestamp.parse("2026-11-24T00:00:00Z"))
        rig.harness.servingSince = start
        for _ in 0..<2 {
            try await rig.life(["cron": "@reboot"]) {
                #expect(await rig.scheduled == ["2026-11-24T00:00:00.000Z"])
                #expect(
                    await rig.health.last
                        == .waiting("for the next start of Runnel", translations: ["ja": "Runnel の次回の起動を待機中"]))
            }
        }
        rig.downtime(.seconds(3600))
        // A pipeline that is added later waits.
        try await rig.life(["cron": "@REBOOT"]) { #expect(await rig.scheduled.count == 1) }
        rig.harness.servingSince = start + 3_600_000_000_000
        try await rig.life(["cron": "@reboot"]) {
            #expect(await rig.scheduled == ["2026-11-24T00:00:00.000Z", "2026-11-24T01:00:00.000Z"])
        }
    }
}
