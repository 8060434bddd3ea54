import RunnelKit

/// Up to when the ticks of a schedule have been dealt with, as a trigger remembers it.
struct Watermark: Hashable {
    /// Nanoseconds since 1970, whole milliseconds.
    let time: Int64
    /// The schedule that it is for. Another one begins anew.
    let schedule: String

    static let key = "watermark"

    init(time: Int64, schedule: String) {
        self.time = time - time.flooredRemainder(1_000_000)
        self.schedule = schedule
    }

    /// Reads what was remembered; nil where it is for another schedule.
    init?(_ value: Value?, of schedule: String) {
        guard let object = value?.asObject, object["schedule"]?.asString == schedule,
            let time = object["through"]?.asString.flatMap(Timestamp.parse)
        else { return nil }
        self.init(time: time, schedule: schedule)
    }

    var value: Value {
        ["schedule": .string(schedule), "through": .string(Timestamp.text(nanoseconds: time))]
    }

    /// Ticks are never repeated when the clock goes back by less than this, in nanoseconds; the trigger waits until the
    /// clock has caught up. A clock that is farther behind was wrong before, and waiting could take years; what has had
    /// its run is known by its key then.
    static let tolerance: Int64 = 3_600_000_000_000

    func isCredible(at now: Int64) -> Bool {
        time <= now || time - now <= Self.tolerance
    }
}
