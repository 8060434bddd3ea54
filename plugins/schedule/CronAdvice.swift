import RunnelKit

/// Finds cron expressions that are valid, but probably do not say what was meant.
struct CronAdvice {
    /// The 5 or 6 fields, with their offsets in bytes.
    let words: [(text: String, offset: Int)]
    let text: String

    var warnings: [FieldError] {
        [everySecond].compactMap(\.self) + unevenSteps
    }

    /// `* */15 * * * *`: the seconds are a bare star while a longer field is restricted.
    private var everySecond: FieldError? {
        guard words.count == 6, words[0].text == "*", words.dropFirst().contains(where: { !Self.isAny($0.text) }) else {
            return nil
        }
        let better = (["0"] + words.dropFirst().map(\.text)).joined(separator: " ")
        return FieldError(
            "the cron expression \"\(text)\" starts a run every second of each minute that matches: 60 a minute",
            hint: "for one run a minute write \"\(better)\"", utf8Offset: words[0].offset)
    }

    /// `*/45` in the minutes: 0 and 45 of each hour, which are 45 and 15 minutes apart.
    private var unevenSteps: [FieldError] {
        zip(CronField.allCases.suffix(words.count), words).compactMap { field, word in
            guard let unit = [.second: ("s", "minute"), .minute: ("m", "hour"), .hour: ("h", "day")][field],
                let step = Self.step(word.text)
            else { return nil }
            let count = field.range.count
            guard count % step != 0 else { return nil }
            let times = stride(from: 0, to: count, by: step).map(String.init)
            let shown = times.count > 4 ? times.prefix(3) + ["…", times[times.count - 1]] : times[...]
            return FieldError(
                "the step of \"\(word.text)\" does not divide \(count): it means the \(field.title)s "
                    + "\(shown.joined(separator: ", ")) and begins anew with each \(unit.1)",
                hint: "for every \(step) \(field.title)s use \"every\" instead of \"cron\": every: \(step)\(unit.0)",
                utf8Offset: word.offset)
        }
    }

    private static func isAny(_ text: String) -> Bool { text == "*" || text == "?" }

    /// The step of `*/n` and `0/n`, if it is more than 1.
    private static func step(_ text: String) -> Int? {
        guard text.hasPrefix("*/") || text.hasPrefix("0/"), let step = Int(text.dropFirst(2)), step > 1 else {
            return nil
        }
        return step
    }
}
