import RunnelKit

/// Reads one field of a cron expression.
struct CronFieldParser {
    let field: CronField
    let text: String
    /// Of the field in the expression, in bytes.
    let offset: Int

    /// The numbers that a field without letters of its own chooses.
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
        // With a step, a number is where it begins.
        return set(number...(step == nil ? number : max(number, field.range.upperBound)), step)
    }

    private func set(_ range: ClosedRange<Int>, _ step: Int?) -> NumberSet {
        let numbers = stride(from: range.lowerBound, through: range.upperBound, by: step ?? 1)
        return NumberSet(field == .dayOfWeek ? numbers.map { $0 % 7 } : Array(numbers))
    }

    private func question() throws(FieldError) -> NumberSet {
        guard field.isDay else { throw error("?", "which only the two day fields can have", hint: "write \"*\"") }
        guard text == "?" else { throw error("?", "which has to stand alone") }
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
            throw error(base, "which runs backwards", hint: hint)
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
            let closest = Suggestion.closest(to: String(word), among: field.names)
            throw error(
                part, "where a number\(named) was expected", hint: closest.map { "did you mean \"\($0)\"?" })
        }
        guard range.contains(number) else {
            throw error(part, "which is not between \(range.lowerBound) and \(range.upperBound)")
        }
        return number
    }

    /// Digits only: `Int` would read a sign as well.
    private func number(_ word: Substring) -> Int? {
        guard !word.isEmpty, word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(word)
    }

    private func error(_ part: Substring, _ problem: String, hint: String? = nil) -> FieldError {
        let place = part == text[...] ? "is" : "\"\(text)\" has"
        return FieldError("the \(field.title) field \(place) \"\(part)\", \(problem)", hint: hint, utf8Offset: offset)
    }
}
