import RunnelKit

/// A cron expression of 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first.
///
/// The rules are those of Vixie cron, where the dialects differ:
/// - When both day fields are restricted, a day has to fit one of them. A field that begins with `*` (as `*/2` does) or
///   is `?` is not restricted; then a day has to fit both.
/// - An expression whose minute or hour begins with `*` follows real time when clocks are changed; any other names
///   times of the day, with and without seconds. See ``CronSchedule``.
/// - `n/step` runs from `n` to the end of the field; for days of the week that is Saturday.
/// - `nW` is nothing in a month without a day `n`. It may stand in lists, as `L`, `LW`, `d#n` and `dL` may.
/// - A range may not run backwards, but one of weekdays may end with Sunday. A step may not exceed its field.
struct CronExpression: Hashable, Sendable {
    /// In upper case, with single blanks.
    let text: String
    let seconds: NumberSet
    let minutes: NumberSet
    let hours: NumberSet
    let months: NumberSet
    let days: CronDays
    /// Whether minute or hour begin with `*`.
    let followsRealTime: Bool

    /// - Throws: A ``FieldError`` that quotes the field and says where it is.
    init(_ text: String) throws(FieldError) {
        self = try CronParser(text: text).expression()
    }

    init(
        text: String, seconds: NumberSet, minutes: NumberSet, hours: NumberSet, months: NumberSet, days: CronDays,
        followsRealTime: Bool
    ) {
        self.text = text
        self.seconds = seconds
        self.minutes = minutes
        self.hours = hours
        self.months = months
        self.days = days
        self.followsRealTime = followsRealTime
    }

    /// The calendar repeats itself after so many months: 400 years are a whole number of weeks.
    private static let cycle = 4800

    /// Whether there is any day that fits.
    var hasDays: Bool {
        (0..<Self.cycle).contains { index in
            months.contains(index % 12 + 1) && !days.days(inMonth: index % 12 + 1, of: 2000 + index / 12).isEmpty
        }
    }

    /// The first local time from `start` on that fits; see ``ZoneRules`` for what a local time is.
    func firstMatch(from start: Int64) -> Int64? {
        let day = start.flooredQuotient(86_400)
        let date = CivilDate(daysSinceEpoch: Int(day))
        let today = months.contains(date.month) ? days.days(inMonth: date.month, of: date.year) : NumberSet()
        if today.contains(date.day), let time = firstTime(from: Int(start - day * 86_400)) {
            return day * 86_400 + Int64(time)
        }
        guard let midnight = firstTime(from: 0) else { return nil }
        var (year, month, chosen) = (date.year, date.month, today.first(from: date.day + 1))
        for _ in 0...Self.cycle where chosen == nil {
            (year, month) = month == 12 ? (year + 1, 1) : (year, month + 1)
            if months.contains(month) { chosen = days.days(inMonth: month, of: year).first(from: 1) }
        }
        return chosen.map {
            Int64(CivilDate(year: year, month: month, day: $0).daysSinceEpoch) * 86_400 + Int64(midnight)
        }
    }

    /// The first time of the day from `start` on that fits, in seconds after midnight.
    private func firstTime(from start: Int) -> Int? {
        let (hour, minute, second) = (start / 3600, start / 60 % 60, start % 60)
        if hours.contains(hour) {
            if minutes.contains(minute), let second = seconds.first(from: second) {
                return hour * 3600 + minute * 60 + second
            }
            if let minute = minutes.first(from: minute + 1), let second = seconds.first(from: 0) {
                return hour * 3600 + minute * 60 + second
            }
        }
        guard let hour = hours.first(from: hour + 1), let minute = minutes.first(from: 0),
            let second = seconds.first(from: 0)
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}

extension CronExpression: FieldValue {
    static var schema: Value { ["type": "string", "examples": ["0 9 * * MON-FRI", "*/15 * * * *", "@daily"]] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else {
            throw .expected("a cron expression such as \"0 9 * * MON-FRI\"", found: value)
        }
        try self.init(text)
    }

    var fieldDefault: Value? { .string(text) }
}
