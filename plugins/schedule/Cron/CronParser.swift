import RunnelKit

/// Splits a cron expression into its fields, and puts together what they say.
struct CronParser {
    let text: String

    private static let nicknames = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    /// No schedule needs more.
    private static let maxLength = 1000

    func expression() throws(FieldError) -> CronExpression {
        guard text.utf8.count <= Self.maxLength else {
            throw FieldError("a cron expression of \(text.utf8.count) bytes is too long; \(Self.maxLength) are allowed")
        }
        let words = Self.words(text)
        if let first = words.first, first.text.hasPrefix("@") { return try nickname(first, isAlone: words.count == 1) }
        if let first = words.first, first.text.contains("=") {
            throw FieldError(
                "the cron expression \"\(text)\" begins with \"\(first.text)\", which is no field",
                hint: "say the zone with \"timezone\"", utf8Offset: first.offset)
        }
        guard words.count == 5 || words.count == 6 else {
            let count = words.count == 1 ? "1 field" : "\(words.count) fields"
            throw FieldError(
                "the cron expression \"\(text)\" has \(count); expected 5, or 6 with seconds first",
                hint: "the fields are: minute, hour, day of month, month, day of week")
        }
        return try expression(words)
    }

    private func nickname(_ word: (text: String, offset: Int), isAlone: Bool) throws(FieldError) -> CronExpression {
        if word.text == "@every" {
            throw FieldError(
                "\"@every\" is no cron expression", hint: "use \"every\" instead of \"cron\", such as: every: 90s",
                utf8Offset: word.offset)
        }
        guard let meaning = Self.nicknames[word.text.lowercased()] else {
            let closest = Suggestion.closest(to: word.text, among: Self.nicknames.keys.sorted())
            throw FieldError(
                "\"\(word.text)\" is not known",
                hint: closest.map { "did you mean \"\($0)\"?" }
                    ?? "there are \(Self.nicknames.keys.sorted().joined(separator: ", "))",
                utf8Offset: word.offset)
        }
        guard isAlone else {
            throw FieldError("\"\(word.text)\" stands alone, but there is more in \"\(text)\"")
        }
        return try CronParser(text: meaning).expression()
    }

    private func expression(_ words: [(text: String, offset: Int)]) throws(FieldError) -> CronExpression {
        var sets: [CronField: NumberSet] = [.second: NumberSet([0])]
        var days = CronDays()
        for (field, word) in zip(CronField.allCases.suffix(words.count), words) {
            let parser = CronFieldParser(field: field, text: word.text, offset: word.offset)
            switch field {
            case .dayOfMonth: days.ofMonth = try parser.daysOfMonth()
            case .dayOfWeek: days.ofWeek = try parser.daysOfWeek()
            default: sets[field] = try parser.numbers()
            }
        }
        let timeFields = words.suffix(5).prefix(2)
        let expression = CronExpression(
            text: words.map { $0.text.uppercased() }.joined(separator: " "), seconds: sets[.second] ?? NumberSet(),
            minutes: sets[.minute] ?? NumberSet(), hours: sets[.hour] ?? NumberSet(),
            months: sets[.month] ?? NumberSet(), days: days,
            followsRealTime: timeFields.contains { $0.text.hasPrefix("*") })
        guard expression.hasDays else { throw impossible(words.suffix(3)) }
        return expression
    }

    /// For an expression such as `30 2 30 2 *`.
    private func impossible(_ words: ArraySlice<(text: String, offset: Int)>) -> FieldError {
        let fields = zip(CronField.allCases.suffix(3), words).filter { $1.text != "*" && $1.text != "?" }
            .map { "\($0.title) \"\($1.text)\"" }
        return FieldError(
            "the cron expression \"\(text)\" never comes: there is no date with \(fields.joined(separator: ", "))",
            utf8Offset: words.first?.offset)
    }

    /// What stands between blanks, with its place in bytes.
    private static func words(_ text: String) -> [(text: String, offset: Int)] {
        var words: [(text: String, offset: Int)] = []
        var bytes: [UInt8] = []
        for (offset, byte) in (Array(text.utf8) + [0x20]).enumerated() {
            if byte != 0x20, byte != 0x09, byte != 0x0A, byte != 0x0D {
                bytes.append(byte)
            } else if !bytes.isEmpty {
                words.append((String(decoding: bytes, as: UTF8.self), offset - bytes.count))
                bytes = []
            }
        }
        return words
    }
}
