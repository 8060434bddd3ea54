import Testing

@testable import RunnelKit
@testable import SchedulePlugin

/// Nanoseconds since 1970.
func time(_ text: String) throws -> Int64 {
    try #require(Timestamp.parse(text), "\(text) is no time")
}

func schedule(_ cron: String, _ zone: String = "UTC") throws -> Schedule {
    Schedule(try CronExpression(cron), in: try ZoneDatabase.system.zone(named: zone))
}

extension Schedule {
    /// Coming ticks in the schedule's zone.
    func ticks(after start: String, count: Int) throws -> [String] {
        var ticks: [String] = []
        var tick = try time(start)
        while ticks.count < count, let next = next(after: tick) {
            ticks.append(text(of: next))
            tick = next
        }
        return ticks
    }
}

/// What is thrown, with its hint.
func words<Result>(_ body: () throws(FieldError) -> Result) -> String? {
    do throws(FieldError) {
        _ = try body()
        return nil
    } catch {
        return [error.message, error.hint].compactMap(\.self).joined(separator: "; ")
    }
}
