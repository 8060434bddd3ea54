import RunnelKit

/// The ticks of an entry of a `schedule` trigger, as a pure function of time.
///
/// Ticks are nanoseconds since 1970 (UTC), in whole milliseconds.
struct Schedule: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case cron(CronSchedule)
        case interval(IntervalSchedule)
    }

    let kind: Kind
    let zone: Zone

    /// Decodes an entry of `on: { schedule: … }` after its templates have been rendered.
    ///
    /// - Throws: A ``RunnelKit/FieldError`` with the key in its path; also if the entry names no zone and the machine's
    ///   local zone cannot be read.
    init(entry: ValueObject) throws(FieldError) {
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

    /// The name of the zone in the IANA database; `local` if the machine's zone has no name.
    var zoneName: String { zone.name }

    /// The first tick after `time`; nil if it would be after the year 2262.
    func next(after time: Int64) -> Int64? {
        switch kind {
        case .cron(let cron):
            guard let seconds = cron.next(after: time.flooredQuotient(Self.second)) else { return nil }
            let (tick, overflows) = seconds.multipliedReportingOverflow(by: Self.second)
            return overflows ? nil : tick
        case .interval(let interval):
            return interval.next(after: time)
        }
    }

    /// The last tick after `start`, up to and including `end`; nil if there is none. Found by binary search in about
    /// sixty steps, however many ticks there are.
    func latest(after start: Int64, through end: Int64) -> Int64? {
        guard var latest = next(after: start), latest <= end else { return nil }
        // No tick lies between this time and the end.
        var beyond = end
        while let tick = next(after: latest), tick <= end {
            latest = tick
            let middle = latest / 2 + beyond / 2
            if let later = next(after: middle), later <= end { latest = later } else { beyond = middle }
        }
        return latest
    }

    /// The point in time in the schedule's zone, as RFC 3339: `2026-11-24T09:00:00+09:00`.
    func text(of tick: Int64) -> String {
        let seconds = tick.flooredQuotient(Self.second)
        // RFC 3339 has no seconds in an offset; historic local mean times do.
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

/// The ticks of a cron expression in a time zone, in seconds since 1970.
///
/// At daylight-saving changes, an expression that names times of day still fires once a day: times skipped by the
/// change fire once at the end of the gap; a repeated time fires the first time only. An expression with `*` as its
/// minute or hour follows real time: it fires whenever the local time matches.
struct CronSchedule: Hashable {
    let expression: CronExpression
    let rules: ZoneRules

    func next(after time: Int64) -> Int64? {
        expression.followsRealTime ? nextShown(after: time) : nextNamed(after: time)
    }

    private func nextNamed(after time: Int64) -> Int64? {
        expression.firstMatch(from: rules.latestLocalTime(upTo: time) + 1).map(rules.firstTime)
    }

    private func nextShown(after time: Int64) -> Int64? {
        var start = time + 1
        while true {
            let period = rules.period(at: start)
            guard let local = expression.firstMatch(from: start + period.offset) else { return nil }
            if local - period.offset < period.end { return local - period.offset }
            start = period.end
        }
    }
}

/// Ticks at a fixed interval, in nanoseconds since 1970. Counted from a fixed anchor, so they do not drift.
struct IntervalSchedule: Hashable {
    /// Above zero.
    let length: Int64
    let anchor: Int64

    func next(after time: Int64) -> Int64? {
        // The first tick since 1970 instead of the anchor, which can be farther away than a number of nanoseconds holds.
        let first = anchor.flooredRemainder(length)
        let (distance, isFar) = time.subtractingReportingOverflow(first)
        guard !isFar else { return nil }
        let (sum, overflows) = (distance.flooredQuotient(length) + 1).multipliedReportingOverflow(by: length)
        let (next, overflowsAtEnd) = first.addingReportingOverflow(sum)
        return overflows || overflowsAtEnd ? nil : next
    }
}
