/// The rule of a POSIX `TZ` string (`EST5EDT,M3.2.0,M11.1.0`), with which a TZif file goes on after its last
/// transition; POSIX.1-2017, section 8.3, with the hours from -167 to 167 of RFC 8536, section 3.3.1.
struct PosixZone: Hashable, Sendable {
    /// The day and time at which clocks are changed each year.
    struct Change: Hashable {
        enum Day: Hashable {
            /// `Jn`: from 1 to 365; the 29th of February is never counted.
            case julian(Int)
            /// `n`: from 0 to 365; the 29th of February is counted.
            case ofYear(Int)
            /// `Mm.w.d`: weekday `d` (0 is Sunday) of week `w`; 5 is the last.
            case weekday(month: Int, week: Int, weekday: Int)
        }

        let day: Day
        /// Local time in seconds after midnight; may be below zero and beyond a day.
        let time: Int64

        /// In seconds since 1970 of local time.
        func localTime(in year: Int) -> Int64 {
            Int64(dayNumber(in: year)) * 86_400 + time
        }

        private func dayNumber(in year: Int) -> Int {
            switch day {
            case .julian(let day):
                let leapDay = CivilDate.isLeap(year) && day >= 60 ? 1 : 0
                return CivilDate(year: year, month: 1, day: 1).daysSinceEpoch + day - 1 + leapDay
            case .ofYear(let day):
                return CivilDate(year: year, month: 1, day: 1).daysSinceEpoch + day
            case .weekday(let month, let week, let weekday):
                let first = CivilDate(year: year, month: month, day: 1)
                var day = 1 + (weekday - first.weekday).flooredRemainder(7) + (week - 1) * 7
                if day > CivilDate.days(inMonth: month, of: year) { day -= 7 }
                return first.daysSinceEpoch + day - 1
            }
        }
    }

    struct Daylight: Hashable {
        /// What local time is ahead of UTC, in seconds.
        let offset: Int64
        let start: Change
        let end: Change
    }

    /// What local time is ahead of UTC, in seconds.
    let standardOffset: Int64
    let daylight: Daylight?

    func period(at time: Int64) -> ZoneRules.Period {
        guard let daylight else { return ZoneRules.Period(start: .min, end: .max, offset: standardOffset) }
        // Beyond these times (some hundred million years) the calendar's arithmetic would overflow.
        let limit: Int64 = 1 << 53
        let day = min(max(time, -limit), limit).flooredQuotient(86_400)
        let year = CivilDate(daysSinceEpoch: Int(day)).year
        var changes: [(time: Int64, offset: Int64)] = []
        for year in (year - 2)...(year + 2) {
            changes.append((daylight.start.localTime(in: year) - standardOffset, daylight.offset))
            changes.append((daylight.end.localTime(in: year) - daylight.offset, standardOffset))
        }
        changes.sort { $0.time < $1.time }
        var period = ZoneRules.Period(start: .min, end: .max, offset: standardOffset)
        for change in changes {
            guard change.time <= time else {
                return ZoneRules.Period(start: period.start, end: change.time, offset: period.offset)
            }
            period = ZoneRules.Period(start: change.time, end: .max, offset: change.offset)
        }
        return period
    }
}
