/// Reads and writes points in time as RFC 3339.
public enum Timestamp {
    /// - Parameter nanoseconds: Since 1970.
    /// - Returns: Such as `2026-11-23T09:00:00.125Z`; milliseconds always, nothing finer.
    public static func text(nanoseconds: Int64) -> String {
        let milliseconds = nanoseconds.flooredQuotient(1_000_000)
        let seconds = milliseconds.flooredQuotient(1000)
        let days = seconds.flooredQuotient(86_400)
        let time = seconds - days * 86_400
        return "\(CivilDate(daysSinceEpoch: Int(days)))T\((time / 3600).padded(2)):\((time / 60 % 60).padded(2)):"
            + "\((time % 60).padded(2)).\((milliseconds - seconds * 1000).padded(3))Z"
    }

    /// The nanoseconds since 1970 that an RFC 3339 time says; nil when it says none.
    public static func parse(_ text: String) -> Int64? {
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
        let (nanoseconds, overflow) =
            (Int64(date.daysSinceEpoch) * 86_400 + hour * 3600 + minute * 60 + second - offset)
            .multipliedReportingOverflow(by: 1_000_000_000)
        let (total, overflowAtEnd) = nanoseconds.addingReportingOverflow(fraction)
        return overflow || overflowAtEnd ? nil : total
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
