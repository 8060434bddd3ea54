import RunnelKit

/// Puts what libjq says into plain sentences.
enum JQMessage {
    static let halted = StepError("jq-halted", "the evaluation was stopped")

    /// From lines such as `jq: error: nope/0 is not defined at <top-level>, line 1:` and what follows them.
    static func compileError(_ lines: [String]) -> FieldError {
        let first = lines.flatMap { $0.split(separator: "\n") }.first { $0.contains("error:") } ?? "unknown error"
        var text = String(first)
        for prefix in ["jq: error: ", "error: "] where text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
        var place = ""
        if let range = text.firstRange(of: " at <top-level>, line ") {
            let number = text[range.upperBound...].prefix { $0.isNumber }
            place = " in line \(number) of it"
            text = String(text[..<range.lowerBound])
        }
        text = text.replacing(" (Unix shell quoting issues?)", with: "")
            .replacing(" (Windows cmd shell quoting issues?)", with: "").replacing("$end", with: "the end")
            .replacing("INVALID_CHARACTER", with: "a character that has no meaning")
        return FieldError("not a jq program: \(text)\(place)")
    }

    /// From what a program raised: a text mostly, but any value with `error(…)`.
    static func runtimeError(_ message: Value) -> StepError {
        StepError("jq-error", "jq: \(message.asString.map { String($0.prefix(400)) } ?? message.quoted(limit: 200))")
    }
}
