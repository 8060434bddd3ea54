import Testing

@testable import RunnelKit
@testable import SchedulePlugin

@Suite("Schedules") struct ScheduleTests {
    @Test(
        "spellings of the same",
        arguments: [
            ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"), ("@YEARLY", "0 0 1 1 *"), ("@annually", "0 0 1 1 *"),
            ("0 0 0 * * *", "0 0 * * *"), ("0 0 * * SUN", "0 0 * * 7"), ("0 0 ? * ?", "0 0 * * *"),
            ("0 0 * * sat-sun", "0 0 * * 0,6"), ("0 0 * * 7-2", "0 0 * * 0-2"), ("0 0 * jan-mar *", "0 0 * 1-3 *"),
            ("  5\t0 * * *  ", "5 0 * * *"), ("0 0 lw * *", "0 0 LW * *"), ("0 0 * * fril", "0 0 * * 5L"),
        ])
    func spellings(one: String, other: String) throws {
        let start = "2026-01-01T00:00:00Z"
        #expect(try schedule(one).ticks(after: start, count: 20) == schedule(other).ticks(after: start, count: 20))
    }

    @Test(
        "days that our rules decide",
        arguments: [
            // A step from a weekday ends with Saturday.
            ("0 0 * * 1/2", ["02", "04", "06", "09"]),
            // Both restricted: either.
            ("0 0 13 * FRI", ["06", "13", "20", "27"]),
            // A star with a step is no restriction: both.
            ("0 0 */13 * FRI", ["27"]),
            // Workdays stand in lists.
            ("0 0 1W,15W,LW * *", ["02", "16", "30"]),
            ("0 0 L,MON#1 * *", nil),
        ] as [(String, [String]?)])
    func days(cron: String, expected: [String]?) throws {
        guard let expected else {
            #expect(throws: FieldError.self) { try CronExpression(cron) }
            return
        }
        let ticks = try schedule(cron).ticks(after: "2026-10-31T12:00:00Z", count: expected.count)
        #expect(ticks == expected.map { "2026-11-\($0)T00:00:00+00:00" })
    }

    @Test("a time in a gap comes at its end, once, and again on the next day")
    func gap() throws {
        // On 29 March 2026 Berlin's clocks go from 2:00 to 3:00.
        let start = "2026-03-28T12:00:00Z"
        #expect(
            try schedule("0,15,30 2 * * *", "Europe/Berlin").ticks(after: start, count: 3) == [
                "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00", "2026-03-30T02:15:00+02:00",
            ])
        #expect(
            try schedule("15 30 2 * * *", "Europe/Berlin").ticks(after: start, count: 2) == [
                "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:15+02:00",
            ])
        #expect(
            try schedule("0 2,3 * * *", "Europe/Berlin").ticks(after: start, count: 2) == [
                "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00",
            ])
    }

    @Test("a time in a repeated hour comes the first time only, with and without seconds")
    func fold() throws {
        // On 25 October 2026 Berlin's clocks go from 3:00 back to 2:00.
        for cron in ["30 2 * * *", "0 30 2 * * *"] {
            #expect(
                try schedule(cron, "Europe/Berlin").ticks(after: "2026-10-24T12:00:00Z", count: 2) == [
                    "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00",
                ])
            // Begun in the second of the two hours.
            #expect(
                try schedule(cron, "Europe/Berlin").ticks(after: "2026-10-25T01:10:00Z", count: 1) == [
                    "2026-10-26T02:30:00+01:00"
                ])
        }
    }

    @Test("with a star as minute or hour, real time is followed")
    func realTime() throws {
        #expect(
            try schedule("30 * * * *", "Europe/Berlin").ticks(after: "2026-03-29T00:00:00Z", count: 3) == [
                "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00",
            ])
        #expect(
            try schedule("*/30 2 * * *", "Europe/Berlin").ticks(after: "2026-10-24T23:00:00Z", count: 5) == [
                "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00",
                "2026-10-25T02:30:00+01:00", "2026-10-26T02:00:00+01:00",
            ])
    }

    @Test("a gap of half an hour, at midnight, and of a whole day")
    func otherGaps() throws {
        #expect(
            try schedule("15 2 * * *", "Australia/Lord_Howe").ticks(after: "2026-10-03T00:00:00Z", count: 2) == [
                "2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00",
            ])
        #expect(
            try schedule("0 0 * * *", "America/Sao_Paulo").ticks(after: "2018-11-03T12:00:00Z", count: 2) == [
                "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00",
            ])
        // There was no 30 December 2011 in Samoa.
        #expect(
            try schedule("0 12 * * *", "Pacific/Apia").ticks(after: "2011-12-29T12:00:00Z", count: 3) == [
                "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00",
            ])
    }

    @Test("the last tick up to a time is found without counting")
    func latest() throws {
        let end = try time("2026-11-23T12:34:56.789Z")
        let hourly = try schedule("0 * * * *")
        #expect(hourly.latest(after: 0, through: end) == (try time("2026-11-23T12:00:00Z")))
        let noon = try time("2026-11-23T12:00:00Z")
        #expect(hourly.latest(after: noon - 1, through: noon) == noon)
        #expect(hourly.latest(after: noon, through: noon + 3_599_999_999_999) == nil)
        #expect(hourly.latest(after: end, through: 0) == nil)
        // Each of some hundred, against counting.
        let odd = try schedule("7 */5 L,13 * MON#2", "America/St_Johns")
        var ticks: [Int64] = []
        while ticks.count < 300 { ticks.append(try #require(odd.next(after: ticks.last ?? 0))) }
        for index in 1..<300 {
            #expect(odd.latest(after: 0, through: ticks[index] - 1) == ticks[index - 1])
            #expect(odd.latest(after: 0, through: ticks[index]) == ticks[index])
        }
    }

    @Test("intervals do not drift, before and after their anchor, and end with what 64 bits can say")
    func intervals() throws {
        let anchor = try time("2026-01-01T00:00:10Z")
        let schedule = Schedule(every: 90_000_000_000, anchor: anchor, shownIn: .utc)
        #expect(schedule.next(after: anchor) == anchor + 90_000_000_000)
        #expect(schedule.next(after: anchor - 1) == anchor)
        #expect(schedule.next(after: anchor - 90_000_000_001) == anchor - 90_000_000_000)
        #expect(schedule.latest(after: 0, through: anchor + 1000) == anchor)
        #expect(schedule.next(after: .max - 5) == nil)
        #expect(schedule.next(after: .min) == nil)
        let hour: Int64 = 3_600_000_000_000
        let old = Schedule(every: hour, anchor: try time("1678-01-01T00:30:00Z"), shownIn: .utc)
        #expect(try old.next(after: anchor) == time("2026-01-01T00:30:00Z"))
    }

    @Test("an entry is read as the trigger reads it")
    func entry() throws {
        let daily = try Schedule(entry: [
            "cron": "30 6 * * *", "timezone": "Asia/Kolkata", "missed": "all", "jitter": "5s",
        ])
        #expect(daily.zoneName == "Asia/Kolkata")
        #expect(try daily.ticks(after: "2026-11-23T00:00:00Z", count: 1) == ["2026-11-23T06:30:00+05:30"])
        let interval = try Schedule(entry: ["every": "1.5s", "timezone": "UTC"])
        #expect(
            try interval.ticks(after: "2026-11-23T00:00:00Z", count: 2) == [
                "2026-11-23T00:00:01.500+00:00", "2026-11-23T00:00:03+00:00",
            ])
    }

    @Test("an offset that is no whole minute is shown as the minute below, and the time with it")
    func oldOffset() throws {
        // Amsterdam was 19 minutes and 32 seconds ahead of UTC.
        let zone = Zone(
            name: "old", rules: ZoneRules(transitions: [], offsets: [], firstOffset: 1172, rule: nil))
        let schedule = Schedule(every: 1_000_000_000, anchor: 0, shownIn: zone)
        #expect(schedule.text(of: try time("1930-01-01T12:00:00Z")) == "1930-01-01T12:19:00+00:19")
    }

    @Test(
        "an entry's errors",
        arguments: [
            (["timezone": "UTC"], "\"cron\" or \"every\" is required"),
            (["cron": "@daily", "every": "1h"], "\"cron\" and \"every\" are mutually exclusive"),
            (["cron": "@daily", "anchor": "2026-01-01T00:00:00Z"], "\"anchor\" also needs \"every\""),
            (["cron": "@daily", "max_missed": 5], "\"max_missed\" also needs \"missed\""),
            (["cron": 5], "expected a cron expression such as \"0 9 * * MON-FRI\", found the number 5"),
            (["every": "500ms"], "500ms is too short; 1s at least"),
            (["every": "1.0005s"], "1.0005s is finer than milliseconds"),
            (["every": "soon"], "expected a duration such as \"500ms\", \"2s\" or \"1h30m\", found \"soon\""),
            (
                ["every": "1h", "anchor": "noon"],
                "expected a time such as \"2026-01-01T00:00:00Z\" or \"2026-01-01T09:00:00+09:00\", found \"noon\""
            ),
            (
                ["cron": "@daily", "missed": "all", "max_missed": 0],
                "expected a whole number from 1 to 10000, found the number 0"
            ),
            (["cron": "@daily", "missed": "never"], "expected one of \"skip\", \"once\", \"all\", found \"never\""),
            (
                ["cron": "@daily", "timezone": "Asia/Tokio"],
                "unknown time zone \"Asia/Tokio\"; did you mean \"Asia/Tokyo\"?"
            ),
        ] as [(ValueObject, String)])
    func entryErrors(entry: ValueObject, expected: String) {
        #expect(words { () throws(FieldError) in try Schedule(entry: entry) } == expected)
        let found = TriggerDefinition(ScheduleTrigger.self).check(entry)
        #expect([found?.message, found?.hint].compactMap(\.self).joined(separator: "; ") == expected)
    }
}
