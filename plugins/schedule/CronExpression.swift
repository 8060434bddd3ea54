import RunnelKit

/// A cron expression of 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first.
///
/// Where dialects differ, it follows Vixie cron:
/// - If both day fields are restricted, a day must match either. A field that begins with `*` (such as `*/2`) or is `?`
///   is not restricted; then a day must match both.
/// - An expression whose minute or hour begins with `*` follows real time when daylight saving changes; any other names
///   times of day, with and without seconds. See ``CronSchedule``.
/// - `n/step` runs from `n` to the end of the field; for days of the week that is Saturday.
/// - `nW` never matches in a month without a day `n`. It is allowed in lists, as are `L`, `LW`, `d#n` and `dL`.
/// - A reversed range is an error, but a range of weekdays may end with Sunday. A step must not exceed its field.
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
    /// Whether it is `@reboot`: one run when Runnel starts, and no ticks.
    let isAtStart: Bool
    /// What is probably not meant, each with what to write instead.
    let warnings: [FieldError]

    /// - Throws: A ``FieldError`` that quotes the field and its position.
    init(_ text: String) throws(FieldError) {
        self = try CronParser(text: text).expression()
    }

    init(
        text: String, seconds: NumberSet, minutes: NumberSet, hours: NumberSet, months: NumberSet, days: CronDays,
        followsRealTime: Bool, isAtStart: Bool = false, warnings: [FieldError] = []
    ) {
        self.text = text
        self.seconds = seconds
        self.minutes = minutes
        self.hours = hours
        self.months = months
        self.days = days
        self.followsRealTime = followsRealTime
        self.isAtStart = isAtStart
        self.warnings = warnings
    }

    /// `@reboot`
    static let atStart = CronExpression(
        text: "@REBOOT", seconds: NumberSet(), minutes: NumberSet(), hours: NumberSet(), months: NumberSet(),
        days: CronDays(), followsRealTime: false, isAtStart: true)

    static func == (left: CronExpression, right: CronExpression) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// The period of the calendar in months: 400 years are a whole number of weeks.
    private static let cycle = 4800

    /// Whether any day matches.
    var hasDays: Bool {
        (0..<Self.cycle).contains { index in
            months.contains(index % 12 + 1) && !days.days(inMonth: index % 12 + 1, of: 2000 + index / 12).isEmpty
        }
    }

    /// The first matching local time at or after `start`; see ``ZoneRules`` for local times.
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

    /// The first matching time of day at or after `start`, in seconds after midnight.
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

/// The days selected by the two day fields of a cron expression.
struct CronDays: Hashable {
    /// The days of a month that one field selects.
    struct DaysOfMonth: Hashable {
        var numbers = NumberSet()
        /// `L`
        var hasLast = false
        /// `L-n`: the days this far before the last one.
        var beforeLast = NumberSet()
        /// `LW`
        var hasLastWorkday = false
        /// `nW`
        var workdaysNear = NumberSet()
        /// Whether the field begins with `*` or is `?`.
        var isWildcard = false
    }

    struct DaysOfWeek: Hashable {
        var weekdays = NumberSet()
        /// `d#n`, the weekdays by `n` from 1 to 5, at `n - 1`.
        var ordinals = [NumberSet](repeating: NumberSet(), count: 5)
        /// `dL`
        var last = NumberSet()
        /// Whether the field begins with `*` or is `?`.
        var isWildcard = false
    }

    var ofMonth = DaysOfMonth()
    var ofWeek = DaysOfWeek()

    /// The selected days of a month.
    func days(inMonth month: Int, of year: Int) -> NumberSet {
        let count = CivilDate.days(inMonth: month, of: year)
        let firstWeekday = CivilDate(year: year, month: month, day: 1).weekday
        let byNumber = daysByNumber(count: count, firstWeekday: firstWeekday)
        let byWeekday = daysByWeekday(count: count, firstWeekday: firstWeekday)
        return ofMonth.isWildcard || ofWeek.isWildcard
            ? byNumber.intersection(byWeekday) : byNumber.union(byWeekday)
    }

    private func daysByNumber(count: Int, firstWeekday: Int) -> NumberSet {
        var days = ofMonth.numbers.intersection(NumberSet(1...count))
        if ofMonth.hasLast { days.insert(count) }
        if !ofMonth.beforeLast.isEmpty {
            for day in 1..<count where ofMonth.beforeLast.contains(count - day) { days.insert(day) }
        }
        if ofMonth.hasLastWorkday { days.insert(Self.workday(near: count, count, firstWeekday)) }
        if !ofMonth.workdaysNear.isEmpty {
            for day in 1...count where ofMonth.workdaysNear.contains(day) {
                days.insert(Self.workday(near: day, count, firstWeekday))
            }
        }
        return days
    }

    private func daysByWeekday(count: Int, firstWeekday: Int) -> NumberSet {
        var days = NumberSet()
        for day in 1...count {
            let weekday = (firstWeekday + day - 1) % 7
            if ofWeek.weekdays.contains(weekday) || ofWeek.ordinals[(day - 1) / 7].contains(weekday)
                || day + 7 > count && ofWeek.last.contains(weekday)
            {
                days.insert(day)
            }
        }
        return days
    }

    /// The day from Monday to Friday that is nearest to `day` in the same month.
    private static func workday(near day: Int, _ count: Int, _ firstWeekday: Int) -> Int {
        switch (firstWeekday + day - 1) % 7 {
        case 0: day == count ? day - 2 : day + 1
        case 6: day == 1 ? day + 2 : day - 1
        default: day
        }
    }
}

/// One of the fields of a cron expression.
enum CronField: Int, CaseIterable {
    case second, minute, hour, dayOfMonth, month, dayOfWeek

    /// The name in errors.
    var title: String {
        switch self {
        case .second: "second"
        case .minute: "minute"
        case .hour: "hour"
        case .dayOfMonth: "day of month"
        case .month: "month"
        case .dayOfWeek: "day of week"
        }
    }

    /// The range of `*`.
    var range: ClosedRange<Int> {
        switch self {
        case .second, .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...6
        }
    }

    /// The accepted numbers: Sunday is 0 or 7.
    var writtenRange: ClosedRange<Int> { self == .dayOfWeek ? 0...7 : range }

    var isDay: Bool { self == .dayOfMonth || self == .dayOfWeek }

    /// The first has the lowest number of the range.
    var names: [String] {
        switch self {
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        default: []
        }
    }
}

/// A set of numbers from 0 to 63.
struct NumberSet: Hashable {
    private(set) var bits: UInt64 = 0

    init() {}

    init(_ numbers: some Sequence<Int>) {
        for number in numbers { insert(number) }
    }

    var isEmpty: Bool { bits == 0 }

    func contains(_ number: Int) -> Bool { bits & (1 << UInt64(number)) != 0 }

    mutating func insert(_ number: Int) { bits |= 1 << UInt64(number) }

    mutating func formUnion(_ other: NumberSet) { bits |= other.bits }

    func intersection(_ other: NumberSet) -> NumberSet {
        var copy = self
        copy.bits &= other.bits
        return copy
    }

    func union(_ other: NumberSet) -> NumberSet {
        var copy = self
        copy.bits |= other.bits
        return copy
    }

    /// The lowest number at or above `start`.
    func first(from start: Int) -> Int? {
        guard start < 64 else { return nil }
        let rest = bits >> UInt64(start)
        return rest == 0 ? nil : start + rest.trailingZeroBitCount
    }
}
