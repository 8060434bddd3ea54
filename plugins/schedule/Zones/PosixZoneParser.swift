extension PosixZone {
    /// Reads a POSIX `TZ` string; nil where it is none.
    ///
    /// Daylight saving without dates (`EST5EDT`) is none either: what it would mean is left to each system.
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

    /// Three letters or more; anything but a bracket where it stands in `<` and `>`.
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
