/// The days that the two day fields of a cron expression choose.
struct CronDays: Hashable {
    /// What one of the fields chooses in a month.
    struct DaysOfMonth: Hashable {
        var numbers = NumberSet()
        /// `L`
        var hasLast = false
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

    /// The days of a month that are chosen.
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
