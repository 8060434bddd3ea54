import HTTPTypes
import Hummingbird
import RunnelSupport

/// A language of the dashboard.
enum Language: String, Sendable, CaseIterable {
    case english = "en"
    case japanese = "ja"

    /// What the language calls itself.
    var name: String {
        switch self {
        case .english: "English"
        case .japanese: "日本語"
        }
    }

    /// The language of a request: the one that was chosen with the switch, or the best of `Accept-Language` (RFC 9110,
    /// section 12.5.4), or English.
    static func of(_ request: Request) -> Language {
        if let chosen = Cookies.value(of: cookie, in: request), let language = Language(rawValue: chosen) {
            return language
        }
        return best(of: request.headers[.acceptLanguage] ?? "")
    }

    static let cookie = "runnel-language"

    static func best(of header: String) -> Language {
        var best: (language: Language, quality: Double)?
        for range in header.split(separator: ",").prefix(20) {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " } }
            guard let tag = parts.first?.lowercased() else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            guard quality > 0, quality > best?.quality ?? 0 else { continue }
            let language = Language(rawValue: String(tag.prefix { $0 != "-" })) ?? (tag == "*" ? .english : nil)
            if let language { best = (language, quality) }
        }
        return best?.language ?? .english
    }
}

/// Texts, numbers and times in one language.
struct Words: Sendable {
    let language: Language

    /// The text of a phrase, with `{0}`, `{1}` … replaced by the values. A phrase with `|` has a singular and a plural,
    /// chosen by the first value.
    func callAsFunction(_ phrase: Phrase, _ values: String...) -> String {
        var text = language == .english ? phrase.words.english : phrase.words.japanese
        let forms = text.split(separator: "|", omittingEmptySubsequences: false)
        if forms.count == 2 { text = String(values.first == "1" ? forms[0] : forms[1]) }
        guard !values.isEmpty else { return text }
        // One pass, so that a value that holds `{1}` is not replaced again.
        var result = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            result += rest[..<open]
            let inside = rest[rest.index(after: open)...]
            guard let close = inside.firstIndex(of: "}"), let index = Int(inside[..<close]),
                values.indices.contains(index)
            else {
                result += "{"
                rest = inside
                continue
            }
            result += values[index]
            rest = inside[inside.index(after: close)...]
        }
        return result + rest
    }

    func callAsFunction(_ phrase: Phrase, _ count: Int, _ values: String...) -> String {
        let all = [number(count)] + values
        // Counted before it is grouped: "1" alone is singular.
        switch all.count {
        case 1: return self(phrase, all[0])
        case 2: return self(phrase, all[0], all[1])
        default: return self(phrase, all[0], all[1], all[2])
        }
    }

    /// Grouped by thousands: `12,345`.
    func number(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + text
    }

    /// Three digits and a unit: `1.82 M`, `12.3 k`, `840`; in Japanese `182万`, `1.23万`.
    func short(_ number: Int) -> String {
        switch number.magnitude {
        case 10_000..<100_000_000 where language == .japanese: "\(Self.digits(Double(number) / 1e4))万"
        case 100_000_000... where language == .japanese: "\(Self.digits(Double(number) / 1e8))億"
        case ..<10_000: self.number(number)
        case ..<1_000_000: "\(Self.digits(Double(number) / 1e3)) k"
        case ..<1_000_000_000: "\(Self.digits(Double(number) / 1e6)) M"
        default: "\(Self.digits(Double(number) / 1e9)) G"
        }
    }

    /// A size: `300 B`, `64 KiB`, `1.82 MiB`.
    func bytes(_ count: Int) -> String {
        switch count {
        case ..<1024: "\(number(count)) B"
        case ..<(1 << 20): "\(Self.part(count, 1 << 10)) KiB"
        case ..<(1 << 30): "\(Self.part(count, 1 << 20)) MiB"
        default: "\(Self.part(count, 1 << 30)) GiB"
        }
    }

    private static func part(_ count: Int, _ size: Int) -> String {
        count.isMultiple(of: size) ? String(count / size) : digits(Double(count) / Double(size))
    }

    /// A measured time: `4 ms`, `2.4 s`, `41 s`, `3 min 5 s`, `2 h 4 min`, `3 d 2 h`.
    func took(_ nanoseconds: Int64) -> String {
        let seconds = Double(max(0, nanoseconds)) / 1e9
        switch seconds {
        case ..<0.9995: return "\(Int((seconds * 1000).rounded())) \(self(.unitMilliseconds))"
        case ..<9.95: return "\(Self.digits(seconds, 2)) \(self(.unitSeconds))"
        case ..<59.5: return "\(Int(seconds.rounded())) \(self(.unitSeconds))"
        default: break
        }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return pair(whole / 60, .unitMinutes, whole % 60, .unitSeconds) }
        if whole < 86_400 { return pair(whole / 3600, .unitHours, whole % 3600 / 60, .unitMinutes) }
        return pair(whole / 86_400, .unitDays, whole % 86_400 / 3600, .unitHours)
    }

    private func pair(_ first: Int, _ unit: Phrase, _ second: Int, _ smaller: Phrase) -> String {
        "\(first) \(self(unit))" + (second == 0 ? "" : " \(second) \(self(smaller))")
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// A point in time in the server's time zone: `09:00:00` today, `Nov 24, 09:00` this year, `Nov 24, 2025` otherwise.
    ///
    /// - Parameter time: Nanoseconds since 1970, as `now` is.
    func time(_ time: Int64, now: Int64) -> String {
        let short = LocalTime.short(time, now: now)
        let date = LocalTime.text(time).prefix(10).split(separator: "-").compactMap { Int($0) }
        guard short.contains("-"), date.count == 3, (1...12).contains(date[1]) else { return short }
        let (year, month, day) = (date[0], date[1], date[2])
        // The year stands alone, a day of this year with its time.
        let clock = short.contains(":") ? String(short.suffix(5)) : nil
        switch language {
        case .english: return "\(Self.months[month - 1]) \(day), \(clock ?? String(year))"
        case .japanese: return clock.map { "\(month)月\(day)日 \($0)" } ?? "\(year)年\(month)月\(day)日"
        }
    }

    /// How long ago, or how soon: `5 min ago`, `in 14 min`.
    func relative(_ time: Int64, now: Int64) -> String {
        // The difference of two times may need more than 64 bits.
        let length: Duration = .nanoseconds(max(time, now)) - .nanoseconds(min(time, now))
        let distance = length.components.seconds
        let amount: String =
            switch distance {
            case ..<60: "\(distance) \(self(.unitSeconds))"
            case ..<3600: "\(distance / 60) \(self(.unitMinutes))"
            case ..<86_400: "\(distance / 3600) \(self(.unitHours))"
            default: "\(distance / 86_400) \(self(.unitDays))"
            }
        return time <= now ? self(.ago, amount) : self(.fromNow, amount)
    }

    private static func digits(_ value: Double, _ significant: Int = 3) -> String {
        let places = value < 10 ? significant - 1 : value < 100 ? max(0, significant - 2) : 0
        guard places > 0 else { return String(Int(value.rounded())) }
        let factor = places == 2 ? 100.0 : 10.0
        let scaled = Int((value * factor).rounded())
        let fraction = String(scaled % Int(factor))
        return "\(scaled / Int(factor)).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
    }
}
