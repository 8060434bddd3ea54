import RunnelKit

/// Parses a cron expression: splits it into fields and combines them.
struct CronParser {
    let text: String

    private static let nicknames = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    private static let start = "@reboot"

    /// An upper bound on the length of an expression in bytes.
    private static let maxLength = 1000

    func expression() throws(FieldError) -> CronExpression {
        guard text.utf8.count <= Self.maxLength else {
            throw FieldError("a cron expression of \(text.utf8.count) bytes is too long; \(Self.maxLength) are allowed")
        }
        let words = Self.words(text)
        if let first = words.first, first.text.hasPrefix("@") { return try nickname(first, isAlone: words.count == 1) }
        if let first = words.first, first.text.contains("=") {
            throw FieldError(
                "the cron expression \"\(text)\" begins with \"\(first.text)\", which is not a field",
                hint: "set the zone with \"timezone\"", utf8Offset: first.offset)
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
                "\"@every\" is not a cron expression", hint: "use \"every\" instead of \"cron\", such as `every: 90s`",
                utf8Offset: word.offset)
        }
        let meaning = Self.nicknames[word.text.lowercased()]
        let isAtStart = word.text.lowercased() == Self.start
        guard meaning != nil || isAtStart else {
            let known = (Self.nicknames.keys + [Self.start]).sorted()
            throw FieldError(
                "unknown nickname \"\(word.text)\"",
                hint: Suggestion.hint(for: word.text, among: known)
                    ?? "known: \(known.joined(separator: ", "))",
                utf8Offset: word.offset)
        }
        guard isAlone else {
            throw FieldError("\"\(word.text)\" must be the only word, found \"\(text)\"")
        }
        return try meaning.map { meaning throws(FieldError) in try CronParser(text: meaning).expression() } ?? .atStart
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
            followsRealTime: timeFields.contains { $0.text.hasPrefix("*") },
            warnings: CronAdvice(words: words, text: text).warnings)
        guard expression.hasDays else { throw impossible(words.suffix(3)) }
        return expression
    }

    /// The error for an expression whose time never comes, such as `30 2 30 2 *`.
    private func impossible(_ words: ArraySlice<(text: String, offset: Int)>) -> FieldError {
        let fields = zip(CronField.allCases.suffix(3), words).filter { $1.text != "*" && $1.text != "?" }
            .map { "\($0.title) \"\($1.text)\"" }
        return FieldError(
            "the time of the cron expression \"\(text)\" never comes: there is no date with \(fields.joined(separator: ", "))",
            utf8Offset: words.first?.offset)
    }

    /// The words of the text, with their offsets in bytes.
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

/// Parses one field of a cron expression.
struct CronFieldParser {
    let field: CronField
    let text: String
    /// The offset of the field in the expression, in bytes.
    let offset: Int

    /// The numbers of a field without `L`, `W` or `#`.
    func numbers() throws(FieldError) -> NumberSet {
        var numbers = NumberSet()
        for part in parts { numbers.formUnion(try self.numbers(of: part)) }
        return numbers
    }

    func daysOfMonth() throws(FieldError) -> CronDays.DaysOfMonth {
        var days = CronDays.DaysOfMonth()
        days.isWildcard = text.hasPrefix("*") || text == "?"
        for part in parts {
            let word = part.uppercased()
            if word == "L" {
                days.hasLast = true
            } else if word.hasPrefix("L-") {
                let text = part.dropFirst(2)
                guard let before = number(text), (1...30).contains(before) else {
                    throw error(
                        part, "whose number after \"L-\" is not between 1 and 30",
                        hint: "\"L-2\" is the day two before the last of the month")
                }
                days.beforeLast.insert(before)
            } else if word == "LW" || word == "WL" {
                days.hasLastWorkday = true
            } else if word.hasSuffix("W") {
                days.workdaysNear.insert(try number(part.dropLast(), of: part))
            } else {
                days.numbers.formUnion(try numbers(of: part))
            }
        }
        return days
    }

    func daysOfWeek() throws(FieldError) -> CronDays.DaysOfWeek {
        var days = CronDays.DaysOfWeek()
        days.isWildcard = text.hasPrefix("*") || text == "?"
        for part in parts {
            let sides = part.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            if sides.count == 2 {
                guard let ordinal = Int(sides[1]), (1...5).contains(ordinal), sides[1].utf8.count == 1 else {
                    throw error(part, "whose number after \"#\" is not between 1 and 5")
                }
                days.ordinals[ordinal - 1].insert(try number(sides[0], of: part) % 7)
            } else if part.uppercased() == "L" {
                throw error(part, "which needs a weekday", hint: "\"5L\" is the last Friday of the month")
            } else if part.uppercased().hasSuffix("L") {
                days.last.insert(try number(part.dropLast(), of: part) % 7)
            } else {
                days.weekdays.formUnion(try numbers(of: part))
            }
        }
        return days
    }

    private var parts: [Substring] { text.split(separator: ",", omittingEmptySubsequences: false) }

    /// `*`, `?`, `n`, `n-m`, each but `?` with a step.
    private func numbers(of part: Substring) throws(FieldError) -> NumberSet {
        if part == "?" { return try question() }
        let sides = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let (base, step) = (sides[0], sides.count == 2 ? try self.step(sides[1]) : nil)
        if base == "*" { return set(field.range, step) }
        let ends = base.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        if ends.count == 2 { return set(try range(base, from: ends[0], to: ends[1], of: part), step) }
        let number = try number(base, of: part)
        // With a step, a single number is the start of a range.
        return set(number...(step == nil ? number : max(number, field.range.upperBound)), step)
    }

    private func set(_ range: ClosedRange<Int>, _ step: Int?) -> NumberSet {
        let numbers = stride(from: range.lowerBound, through: range.upperBound, by: step ?? 1)
        return NumberSet(field == .dayOfWeek ? numbers.map { $0 % 7 } : Array(numbers))
    }

    private func question() throws(FieldError) -> NumberSet {
        guard field.isDay else { throw error("?", "which only the two day fields can have", hint: "write \"*\"") }
        guard text == "?" else { throw error("?", "which must be the only value") }
        return NumberSet(field.range)
    }

    private func step(_ text: Substring) throws(FieldError) -> Int {
        let largest = field.range.upperBound - field.range.lowerBound
        if let step = number(text), (1...largest).contains(step) { return step }
        var hint: String?
        if let step = number(text), step > largest, let unit = [.second: "s", .minute: "m", .hour: "h"][field] {
            hint = "for every \(step) \(field.title)s use \"every\" instead of \"cron\": every: \(step)\(unit)"
        }
        throw error(text, "a step that is not between 1 and \(largest)", hint: hint)
    }

    private func range(
        _ base: Substring, from first: Substring, to last: Substring, of part: Substring
    ) throws(FieldError) -> ClosedRange<Int> {
        var (start, end) = (try number(first, of: part), try number(last, of: part))
        if field == .dayOfWeek, end == 0, start > 0 { end = 7 }
        if field == .dayOfWeek, start == 7, end < 7 { start = 0 }
        guard start <= end else {
            let hint = "write \"\(first)-\(field.range.upperBound),\(field.range.lowerBound)-\(last)\""
            throw error(base, "a reversed range", hint: hint)
        }
        return start...end
    }

    private func number(_ word: Substring, of part: Substring) throws(FieldError) -> Int {
        guard !part.isEmpty else {
            throw FieldError("the \(field.title) field \"\(text)\" has an empty part", utf8Offset: offset)
        }
        if let index = field.names.firstIndex(of: word.uppercased()) { return index + field.range.lowerBound }
        let range = field.writtenRange
        guard let number = number(word) else {
            let named = field.names.first.map { " or a name such as \($0)" } ?? ""
            throw error(
                part, "where a number\(named) was expected",
                hint: Suggestion.hint(for: String(word), among: field.names))
        }
        guard range.contains(number) else {
            throw error(part, "which is not between \(range.lowerBound) and \(range.upperBound)")
        }
        return number
    }

    /// Digits only: `Int` would accept a sign as well.
    private func number(_ word: Substring) -> Int? {
        guard !word.isEmpty, word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(word)
    }

    private func error(_ part: Substring, _ problem: String, hint: String? = nil) -> FieldError {
        let place = part == text[...] ? "is" : "\"\(text)\" has"
        return FieldError("the \(field.title) field \(place) \"\(part)\", \(problem)", hint: hint, utf8Offset: offset)
    }
}
