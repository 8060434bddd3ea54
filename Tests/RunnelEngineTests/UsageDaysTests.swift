import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("The days that usage is summed by") struct UsageDaysTests {
    private static func time(_ text: String) throws -> Int64 { try #require(Timestamp.parse(text)) }

    private static func sum(at text: String, _ query: UsageQuery) throws -> UsageSum {
        let period = (try time(text) - query.since) / (query.period ?? .max)
        var total = UsageTotal()
        total.calls = 1
        return UsageSum(period: Int(period), pipeline: "p", agent: nil, model: nil, total: total)
    }

    @Test("a day has 23 hours where clocks are put forward, and 25 where they are put back")
    func clockChanges() throws {
        let berlin = try Zone(field: "Europe/Berlin")
        let days = UsageDays(
            from: try Self.time("2026-03-28T12:00:00Z"), to: try Self.time("2026-03-30T12:00:00Z"), in: berlin)
        #expect((0..<days.count).map(days.date) == ["2026-03-28", "2026-03-29", "2026-03-30"])
        let midnight = try Self.time("2026-03-27T23:00:00Z")
        #expect(days.start == midnight)
        #expect(days.query().period == 3_600_000_000_000)
        let sums = try ["2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"]
            .map { try Self.sum(at: $0, days.query()) }
        #expect(days.byDay(sums).map(\.period) == [0, 1, 1, 2])
        let autumn = UsageDays(last: 2, at: try Self.time("2026-10-26T12:00:00Z"), in: berlin)
        let late = try ["2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"].map { try Self.sum(at: $0, autumn.query()) }
        #expect(autumn.byDay(late).map { autumn.date($0.period) } == ["2026-10-25", "2026-10-26"])
    }

    @Test("without a change of clocks, the journal sums by whole days of the zone")
    func wholeDays() throws {
        let tokyo = try Zone(field: "Asia/Tokyo")
        let now = try Self.time("2026-11-27T16:00:00Z")
        let days = UsageDays(last: 30, at: now, in: tokyo)
        #expect(days.count == 30)
        let midnight = try Self.time("2026-10-29T15:00:00Z")
        let query = UsageQuery(since: midnight, pipeline: "p", period: 86_400_000_000_000)
        #expect(days.query(pipeline: "p") == query)
        #expect(days.date(0) == "2026-10-30")
        #expect(days.date(29) == "2026-11-28")
        #expect(days.query().kept.length == HourCount.length)
        #expect(days.query().kept.start == midnight)
        // A period without an end is no loop without an end.
        #expect(UsageDays(from: .min, to: now, in: .utc).date(0) == "1970-01-01")
    }

    @Test("kept sums answer a query whose periods they do not cross; calls before the first one are summed one by one")
    func keptSums() {
        let (hour, quarter) = (HourCount.length, HourCount.length / 4)
        func kept(_ since: Int64, _ period: Int64?) -> [Int64] {
            let kept = UsageQuery(since: since, period: period).kept
            return [kept.length, kept.start]
        }
        #expect(kept(5, nil) == [hour, hour])
        #expect(kept(hour, nil) == [hour, hour])
        #expect(kept(.max, nil) == [hour, .max])
        #expect(kept(hour, 24 * hour) == [hour, hour])
        // A zone such as Asia/Kathmandu, +05:45.
        #expect(kept(quarter, 24 * hour) == [quarter, quarter])
        #expect(kept(hour, quarter) == [quarter, hour])
        #expect(kept(5, 24 * hour) == [hour, .max])
        #expect(kept(hour, hour + 1) == [hour, .max])
    }
}
