/// The rule of a POSIX `TZ` string (`EST5EDT,M3.2.0,M11.1.0`), which applies after the last transition of a TZif file;
/// POSIX.1-2017, section 8.3, with the hours from -167 to 167 of RFC 8536, section 3.3.1.
struct PosixZone: Hashable, Sendable {
    /// The day and time of a yearly daylight-saving change.
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
        /// Local time in seconds after midnight; may be negative or exceed a day.
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
        /// The offset from UTC in seconds; positive east of Greenwich.
        let offset: Int64
        let start: Change
        let end: Change
    }

    /// The offset from UTC in seconds; positive east of Greenwich.
    let standardOffset: Int64
    let daylight: Daylight?

    func period(at time: Int64) -> ZoneRules.Period {
        guard let daylight else { return ZoneRules.Period(start: .min, end: .max, offset: standardOffset) }
        // Beyond these times (some hundred million years) calendar arithmetic would overflow.
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

extension PosixZone {
    /// Parses a POSIX `TZ` string; nil if it is invalid.
    ///
    /// Daylight saving without dates (`EST5EDT`) is invalid too: its meaning is implementation-defined.
    init?(_ text: String) {
        var parser = PosixZoneParser(rest: Array(text.utf8)[...])
        guard let zone = parser.zone(), parser.rest.isEmpty else { return nil }
        self = zone
    }
}

private struct PosixZoneParser {
    var rest: ArraySlice<UInt8>

    mutating func zone() -> PosixZone? {
        guard name(), let west = seconds(maximumHours: 24) else { return nil }
        let standard = -west
        guard !rest.isEmpty else { return PosixZone(standardOffset: standard, daylight: nil) }
        guard name() else { return nil }
        var offset = standard + 3600
        if rest.first != UInt8(ascii: ",") {
            guard let west = seconds(maximumHours: 24) else { return nil }
            offset = -west
        }
        guard take(","), let start = change(), take(","), let end = change() else { return nil }
        return PosixZone(
            standardOffset: standard, daylight: PosixZone.Daylight(offset: offset, start: start, end: end))
    }

    /// Three letters or more, or any characters in `<` and `>`.
    private mutating func name() -> Bool {
        if take("<") {
            let name = rest.prefix { $0 != UInt8(ascii: ">") }
            rest = rest.dropFirst(name.count)
            return name.count >= 3 && take(">")
        }
        let name = rest.prefix { (0x61...0x7A).contains($0 | 0x20) }
        rest = rest.dropFirst(name.count)
        return name.count >= 3
    }

    private mutating func change() -> PosixZone.Change? {
        guard let day = day() else { return nil }
        var time: Int64 = 7200
        if take("/") {
            guard let given = seconds(maximumHours: 167) else { return nil }
            time = given
        }
        return PosixZone.Change(day: day, time: time)
    }

    private mutating func day() -> PosixZone.Change.Day? {
        if take("M") {
            guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                let weekday = number(0...6)
            else { return nil }
            return .weekday(month: month, week: week, weekday: weekday)
        }
        if take("J") { return number(1...365).map { .julian($0) } }
        return number(0...365).map { .ofYear($0) }
    }

    /// `[+-]hh[:mm[:ss]]`, in seconds.
    private mutating func seconds(maximumHours: Int) -> Int64? {
        let sign: Int64 = take("-") ? -1 : 1
        if sign > 0 { _ = take("+") }
        guard let hours = number(0...maximumHours) else { return nil }
        var total = hours * 3600
        if take(":") {
            guard let minutes = number(0...59) else { return nil }
            total += minutes * 60
            if take(":") {
                guard let seconds = number(0...59) else { return nil }
                total += seconds
            }
        }
        return sign * Int64(total)
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        guard (1...3).contains(digits.count), let number = Int(String(decoding: digits, as: UTF8.self)),
            range.contains(number)
        else { return nil }
        return number
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }
}
