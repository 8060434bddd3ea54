public import RunnelKit

/// When the entries of a `schedule` trigger come: a pure function of the time.
///
/// Ticks are nanoseconds since 1970 (UTC), and whole milliseconds.
public struct Schedule: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case cron(CronSchedule)
        case interval(IntervalSchedule)
    }

    let kind: Kind
    let zone: Zone

    /// Reads an entry under `on: { schedule: … }`, whose templates have been rendered.
    ///
    /// - Throws: A ``RunnelKit/FieldError`` with the key in its path; also where the entry names no zone and the
    ///   machine's own cannot be read.
    public init(entry: ValueObject) throws(FieldError) {
        self = try ScheduleTrigger(fields: entry).schedule()
    }

    init(_ expression: CronExpression, in zone: Zone) {
        kind = .cron(CronSchedule(expression: expression, rules: zone.rules))
        self.zone = zone
    }

    init(every length: Int64, anchor: Int64, shownIn zone: Zone) {
        kind = .interval(IntervalSchedule(length: length, anchor: anchor))
        self.zone = zone
    }

    /// The name of the zone in the IANA database; `local` for a machine whose own zone has no name.
    public var zoneName: String { zone.name }

    /// The first tick after `time`; nil where it would be beyond the year 2262.
    public func next(after time: Int64) -> Int64? {
        switch kind {
        case .cron(let cron):
            guard let seconds = cron.next(after: time.flooredQuotient(Self.second)) else { return nil }
            let (tick, overflows) = seconds.multipliedReportingOverflow(by: Self.second)
            return overflows ? nil : tick
        case .interval(let interval):
            return interval.next(after: time)
        }
    }

    /// The last tick after `start`, up to and including `end`; nil where there is none. However many there are between
    /// them, it is found in some sixty steps.
    public func latest(after start: Int64, through end: Int64) -> Int64? {
        guard var latest = next(after: start), latest <= end else { return nil }
        // There is no tick between this and the end.
        var beyond = end
        while let tick = next(after: latest), tick <= end {
            latest = tick
            let middle = latest / 2 + beyond / 2
            if let later = next(after: middle), later <= end { latest = later } else { beyond = middle }
        }
        return latest
    }

    /// The point in time in the schedule's zone, as RFC 3339: `2026-11-24T09:00:00+09:00`.
    public func text(of tick: Int64) -> String {
        let seconds = tick.flooredQuotient(Self.second)
        // RFC 3339 knows no seconds in an offset, as there were before zones were agreed on.
        let offset = zone.rules.offset(at: seconds).flooredQuotient(60) * 60
        let local = seconds + offset
        let date = CivilDate(daysSinceEpoch: Int(local.flooredQuotient(86_400)))
        let time = local.flooredRemainder(86_400)
        let milliseconds = tick.flooredRemainder(Self.second) / 1_000_000
        var text = pad(date.year, 4) + "-" + pad(date.month, 2) + "-" + pad(date.day, 2)
        text += "T" + pad(time / 3600, 2) + ":" + pad(time / 60 % 60, 2) + ":" + pad(time % 60, 2)
        if milliseconds != 0 { text += "." + pad(milliseconds, 3) }
        text += offset < 0 ? "-" : "+"
        return text + pad(abs(offset) / 3600, 2) + ":" + pad(abs(offset) / 60 % 60, 2)
    }

    static let second: Int64 = 1_000_000_000

    private func pad(_ number: some BinaryInteger, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
