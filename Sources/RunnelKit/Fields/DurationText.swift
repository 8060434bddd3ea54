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

extension Duration: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        [
            "type": "string", "pattern": #"^([0-9]+(\.[0-9]+)?(ms|us|ns|s|m|h|d))+$"#,
            "examples": ["500ms", "2s", "1h30m"],
        ]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let duration = DurationText.parse(text) else {
            throw .expected("a duration such as \"500ms\", \"2s\" or \"1h30m\"", found: value)
        }
        self = duration
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(DurationText.format(self)) }
}
