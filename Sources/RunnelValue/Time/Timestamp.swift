/// Reads and writes points in time as RFC 3339.
public enum Timestamp {
    /// - Parameter nanoseconds: Since 1970.
    /// - Returns: Such as `2026-11-23T09:00:00.125Z`; milliseconds always, nothing finer.
    public static func text(nanoseconds: Int64) -> String {
        let milliseconds = nanoseconds.flooredQuotient(1_000_000)
        let seconds = milliseconds.flooredQuotient(1000)
        let days = seconds.flooredQuotient(86_400)
        let time = seconds - days * 86_400
        // A run writes a dozen of them, so the digits go straight to where they belong. 64 bits of nanoseconds reach from
        // the year 1677 to 2262, which is always four digits.
        let date = CivilDate(daysSinceEpoch: Int(days))
        return String(unsafeUninitializedCapacity: 24) { text in
            text.write(date.year, digits: 4, at: 0)
            text.write(date.month, digits: 2, at: 5)
            text.write(date.day, digits: 2, at: 8)
            text.write(Int(time / 3600), digits: 2, at: 11)
            text.write(Int(time / 60 % 60), digits: 2, at: 14)
            text.write(Int(time % 60), digits: 2, at: 17)
            text.write(Int(milliseconds - seconds * 1000), digits: 3, at: 20)
            (text[4], text[7], text[10]) = (UInt8(ascii: "-"), UInt8(ascii: "-"), UInt8(ascii: "T"))
            (text[13], text[16]) = (UInt8(ascii: ":"), UInt8(ascii: ":"))
            (text[19], text[23]) = (UInt8(ascii: "."), UInt8(ascii: "Z"))
            return 24
        }
    }

    /// The nanoseconds since 1970 that an RFC 3339 time says; nil when it says none.
    public static func parse(_ text: String) -> Int64? {
        guard let (seconds, fraction) = parts(of: text) else { return nil }
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (total, overflowAtEnd) = nanoseconds.addingReportingOverflow(fraction)
        return overflow || overflowAtEnd ? nil : total
    }

    /// Parses an RFC 3339 time into seconds since 1970, rounded down; nil if it is none. Also reads years that nanoseconds
    /// in 64 bits do not reach.
    package static func seconds(_ text: String) -> Int64? { parts(of: text)?.seconds }

    /// - Returns: Seconds since 1970, and the nanoseconds of the fraction.
    private static func parts(of text: String) -> (seconds: Int64, fraction: Int64)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] | 0x20 == UInt8(ascii: "t") || bytes[10] == 0x20, bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]), (1...12).contains(month), day >= 1, hour < 24, minute < 60,
            second <= 60
        else { return nil }
        let date = CivilDate(year: Int(year), month: Int(month), day: Int(day))
        guard date.day <= CivilDate.days(inMonth: date.month, of: date.year) else { return nil }
        var rest = bytes[19...]
        var fraction: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, let value = number(digits.prefix(9)) else { return nil }
            fraction = (digits.count..<max(9, digits.count)).reduce(value) { value, _ in value * 10 }
            rest = rest.dropFirst(1 + digits.count)
        }
        guard let offset = offset(rest) else { return nil }
        return (Int64(date.daysSinceEpoch) * 86_400 + hour * 3600 + minute * 60 + second - offset, fraction)
    }

    /// `Z` or `+09:00`, in seconds.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        if bytes.count == 1, bytes.first.map({ $0 | 0x20 }) == UInt8(ascii: "z") { return 0 }
        let text = Array(bytes)
        guard text.count == 6, text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-"),
            text[3] == UInt8(ascii: ":"),
            let hours = number(text[1..<3]), let minutes = number(text[4..<6]), hours < 24, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (text[0] == UInt8(ascii: "-") ? -1 : 1)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        digits.allSatisfy { (0x30...0x39).contains($0) } ? Int64(String(decoding: digits, as: UTF8.self)) : nil
    }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// Writes a number that is not negative, with zeros in front.
    fileprivate func write(_ number: Int, digits: Int, at start: Int) {
        var rest = number
        for place in (start..<(start + digits)).reversed() {
            self[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }
}
