/// Reads and writes lengths of time as people write them: `500ms`, `2s`, `1.5m`, `1h30m`, `7d`.
public enum DurationText {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ms", 1_000_000), ("us", 1000), ("ns", 1), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]
    private static let maximum: Int64 = 100 * 365 * 86_400_000_000_000

    /// The duration that `text` says; nil when it says none, or one beyond 100 years.
    public static func parse(_ text: String) -> Duration? {
        var rest = text[...]
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let whole = parts.first.flatMap({ Int64($0) }),
                let fraction = Double(parts.count == 2 ? "0.\(parts[1])" : "0"),
                let unit = units.first(where: { $0.name == letters })?.nanoseconds, whole <= maximum / unit
            else { return nil }
            // A double alone would lose the nanoseconds of more than a hundred days.
            total += whole * unit + Int64((fraction * Double(unit)).rounded())
            guard total <= maximum else { return nil }
        }
        return .nanoseconds(total)
    }

    /// The shortest exact form that ``parse(_:)`` reads again, down to nanoseconds.
    public static func format(_ duration: Duration) -> String {
        // A length of time below zero cannot be read, but is shown for what it is.
        guard duration >= .zero else { return "-" + format(.zero - duration) }
        let parts = duration.components
        let (seconds, nanoseconds) = (parts.seconds, parts.attoseconds / 1_000_000_000)
        guard seconds != 0 || nanoseconds != 0 else { return "0s" }
        if nanoseconds != 0 {
            if seconds == 0, nanoseconds % 1_000_000 == 0 { return "\(nanoseconds / 1_000_000)ms" }
            if seconds == 0 { return nanoseconds % 1000 == 0 ? "\(nanoseconds / 1000)us" : "\(nanoseconds)ns" }
            let fraction = String(nanoseconds + 1_000_000_000).dropFirst()
            return "\(seconds).\(fraction.reversed().drop { $0 == "0" }.reversed().map(String.init).joined())s"
        }
        var text = ""
        var rest = seconds
        for (name, size) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] as [(String, Int64)] where rest >= size {
            text += "\(rest / size)\(name)"
            rest %= size
        }
        return text
    }
}

extension DurationText {
    /// A measured time, rounded for people: `3 ms`, `2.4 s`, `2 min 5 s`, `2 h 4 min`, `3 d 2 h`. What somebody
    /// configured is written by ``format(_:)``.
    package static func measured(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        if milliseconds < 1000 { return "\(Int(milliseconds.rounded())) ms" }
        let tenths = Int((milliseconds / 100).rounded())
        if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
        let seconds = tenths / 10
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        if seconds < 86_400 { return "\(seconds / 3600) h \(seconds % 3600 / 60) min" }
        return "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
    }
}

extension Duration {
    /// The nanoseconds, clamped to the range of `Int64`, which is 292 years.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowAtEnd) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || overflowAtEnd ? (seconds < 0 ? .min : .max) : sum
    }

    /// The milliseconds, rounded up and at least zero, so that who sleeps for them does not wake too early.
    public var wholeMilliseconds: Int64 { Self.roundedUp(nanoseconds, 1_000_000) }

    /// The seconds, rounded up and at least zero, as `Retry-After` counts them.
    public var wholeSeconds: Int64 { Self.roundedUp(nanoseconds, 1_000_000_000) }

    private static func roundedUp(_ nanoseconds: Int64, _ unit: Int64) -> Int64 {
        nanoseconds <= 0 ? 0 : (nanoseconds - 1) / unit + 1
    }
}
