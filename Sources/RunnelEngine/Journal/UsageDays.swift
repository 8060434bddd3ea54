public import RunnelKit

/// The days of a time zone that usage is summed by. A day has 23 or 25 hours when clocks are changed.
public struct UsageDays: Sendable {
    /// The number of the first day since 1970.
    private let first: Int
    /// When the days begin, and when the last one ends; nanoseconds since 1970, ascending.
    private let limits: [Int64]
    /// The zone.
    public let zone: Zone

    private static let second: Int64 = 1_000_000_000

    /// The days from that of one time to that of another; nanoseconds since 1970.
    public init(from start: Int64, to end: Int64, in zone: Zone) {
        // The calendar of before 1970 is of no use here, and the number of days is bounded.
        let start = max(0, min(start, end))
        self.init(Self.day(of: start, in: zone)...max(Self.day(of: start, in: zone), Self.day(of: end, in: zone)), zone)
    }

    /// The last days, of which that of `now` is the last one.
    public init(last count: Int, at now: Int64, in zone: Zone) {
        let today = Self.day(of: now, in: zone)
        self.init((today - max(1, count) + 1)...today, zone)
    }

    private init(_ days: ClosedRange<Int>, _ zone: Zone) {
        first = days.lowerBound
        self.zone = zone
        // A day begins when its midnight is first shown, or at the end of the gap that midnight falls into.
        limits = (days.lowerBound...days.upperBound + 1).map {
            zone.rules.firstTime(showing: Int64($0) * 86_400) * Self.second
        }
    }

    private static func day(of time: Int64, in zone: Zone) -> Int {
        let seconds = time.flooredQuotient(second)
        return Int((seconds + zone.rules.offset(at: seconds)).flooredQuotient(86_400))
    }

    /// The local zone of this machine; UTC where it cannot be read.
    public static var localZone: Zone { (try? Zone.local()) ?? .utc }

    /// The number of days.
    public var count: Int { limits.count - 1 }
    /// When the first day begins; nanoseconds since 1970.
    public var start: Int64 { limits[0] }

    /// What ``byDay(_:)`` takes the sums of: by periods that no day begins within.
    public func query(pipeline: String? = nil) -> UsageQuery {
        UsageQuery(since: start, pipeline: pipeline, period: period)
    }

    private var period: Int64 {
        zip(limits.dropFirst(), limits).reduce(0) { Self.greatestDivisor($0, $1.0 - $1.1) }
    }

    private static func greatestDivisor(_ one: Int64, _ other: Int64) -> Int64 {
        var (one, other) = (one, other)
        while other != 0 { (one, other) = (other, one % other) }
        return one
    }

    /// The sums with the number of the day, from 0, as their period.
    public func byDay(_ sums: [UsageSum]) -> [UsageSum] {
        let period = period
        var index = 0
        return sums.sorted { $0.period < $1.period }.map { sum in
            let (elapsed, isTooLate) = Int64(sum.period).multipliedReportingOverflow(by: period)
            while index + 1 < count, isTooLate || limits[index + 1] <= start + elapsed { index += 1 }
            var sum = sum
            sum.period = index
            return sum
        }
    }

    /// The date of a day, such as `2026-11-27`.
    public func date(_ day: Int) -> String { "\(CivilDate(daysSinceEpoch: first + day))" }
}
