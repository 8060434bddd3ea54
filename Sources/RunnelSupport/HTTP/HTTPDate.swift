internal import RunnelValue

/// The dates of HTTP header fields, in the three forms that RFC 9110, section 5.6.7 asks recipients to read.
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil for a text that is no such date.
    ///
    ///     Sun, 06 Nov 1994 08:49:37 GMT
    ///     Sunday, 06-Nov-94 08:49:37 GMT
    ///     Sun Nov  6 08:49:37 1994
    ///
    /// - Parameter now: seconds since 1970, which decide the century of a year with two digits.
    package static func seconds(_ text: String, now: Int64) -> Int64? {
        let words = text.split(separator: " ").map(String.init)
        switch words.count {
        case 6 where words[0].hasSuffix(",") && words[5] == "GMT":
            return seconds(day: words[1], month: words[2], year: Int64(words[3]), time: words[4])
        case 5 where !words[0].hasSuffix(","):
            return seconds(day: words[2], month: words[1], year: Int64(words[4]), time: words[3])
        case 4 where words[0].hasSuffix(",") && words[3] == "GMT":
            let date = words[1].split(separator: "-").map(String.init)
            guard date.count == 3, date[2].count == 2, let short = Int64(date[2]) else { return nil }
            let read = { (year: Int64) in seconds(day: date[0], month: date[1], year: year, time: words[2]) }
            // More than 50 years ahead means the century before.
            guard let late = read(2000 + short) else { return nil }
            return late > now + 50 * 31_556_952 ? read(1900 + short) : late
        default: return nil
        }
    }

    private static func seconds(day: String, month: String, year: Int64?, time: String) -> Int64? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard let day = Int64(day), (1...31).contains(day), let month = months.firstIndex(of: month), let year,
            (1900...9999).contains(year), clock.count == 3, let hour = clock[0], let minute = clock[1],
            let second = clock[2], (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        let date = CivilDate(year: Int(year), month: month + 1, day: Int(day))
        return Int64(date.daysSinceEpoch) * 86_400 + hour * 3600 + minute * 60 + second
    }
}

/// Reads how long a server asks to wait: `Retry-After` (RFC 9110, section 10.2.3) in all its forms, and
/// `retry-after-ms`, which some AI services send beside it.
package enum RetryAfter {
    /// The limit of what is read: longer times mean the same to anybody who waits.
    package static let longest: Duration = .seconds(365 * 86_400)

    /// The time to wait; nil where the response says none.
    ///
    /// `retry-after-ms` takes precedence, because it is the more precise. `Retry-After` is a number of seconds, also with
    /// a fraction, or a date. A date is compared with the response's own `Date`, so that no clock has to be right.
    ///
    /// - Parameters:
    ///   - text: `Retry-After`.
    ///   - milliseconds: `retry-after-ms`.
    ///   - date: `Date` of the same response.
    ///   - now: Seconds since 1970, for a response without `Date`.
    package static func delay(
        _ text: String?, milliseconds: String? = nil, date: String?, now: Int64
    ) -> Duration? {
        if let milliseconds = milliseconds.flatMap(number) { return duration(milliseconds / 1000) }
        guard let text = text.map({ String($0.trimmed) }) else { return nil }
        if let seconds = number(text) { return duration(seconds) }
        guard let target = HTTPDate.seconds(text, now: now) else { return nil }
        let start = date.flatMap { HTTPDate.seconds($0, now: now) } ?? now
        return min(.seconds(max(0, target - start)), longest)
    }

    /// A decimal number without sign and exponent; nil for any other text.
    private static func number(_ text: String) -> Double? {
        let text = text.trimmed
        let digits = text.utf8.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
        let points = text.utf8.filter { $0 == UInt8(ascii: ".") }.count
        guard digits > 0, points <= 1, digits + points == text.utf8.count else { return nil }
        return Double(text)
    }

    /// Rounded up to whole milliseconds, so that nobody comes back too early.
    private static func duration(_ seconds: Double) -> Duration {
        guard seconds < Double(longest.components.seconds) else { return longest }
        return .milliseconds(Int64((seconds * 1000).rounded(.up)))
    }
}
