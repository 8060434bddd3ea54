import RunnelKit

/// Puts what libjq says into plain sentences.
enum JQMessage {
    static let stopped = StepError("jq-stopped", "the evaluation was stopped")
    static let growth = StepError(
        "jq-memory", "the process grew by more than \(JQLimits.growth) while the program ran",
        hint: "the program may collect without end; else work on less data at a time")
    static let noMemory = StepError(
        "jq-memory", "the program needs more memory than there is", hint: "work on less data at a time")

    static func timeout(_ limit: Duration) -> StepError {
        StepError(
            "jq-timeout", "the program took longer than its time limit of \(DurationText.format(limit))",
            hint: "it may never end; if it needs the time, raise `timeout`")
    }

    /// From texts such as `jq: error: nope/0 is not defined at <top-level>, line 1:`, each followed by the program.
    static func compileError(_ messages: [String], in program: String) -> FieldError {
        let lines = messages.flatMap { $0.split(separator: "\n") }
        var text = String(lines.first { $0.contains("error:") } ?? "libjq does not say why")
        for prefix in ["jq: error: ", "error: "] where text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
        var line: Int?
        if let range = text.firstRange(of: " at <top-level>, line ") {
            line = Int(text[range.upperBound...].prefix { $0.isNumber })
            text = String(text[..<range.lowerBound])
        }
        for (found, plain) in phrases { text = text.replacing(found, with: plain) }
        let offset = line.flatMap { self.offset(ofLine: $0, in: program, naming: text) }
        if text.contains("unexpected import") || text.contains("unexpected include") {
            return FieldError(
                "not a jq program: modules cannot be imported", hint: "write the functions into the program",
                utf8Offset: offset)
        }
        return FieldError("not a jq program: \(text)\(line.map { ", line \($0)" } ?? "")", utf8Offset: offset)
    }

    private static let phrases = [
        ("unexpected $end", "unexpected end"), (" (Unix shell quoting issues?)", ""),
        (" (Windows cmd shell quoting issues?)", ""),
        ("$end", "the end"), ("INVALID_CHARACTER", "a character that means nothing in jq"),
        ("unexpected end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END", "a string has no end"),
        ("QQSTRING_START", "a string"), ("QQSTRING_TEXT", "a string"), ("QQSTRING_END", "the end of a string"),
        ("QQSTRING_INTERP_START", "an interpolation"), ("QQSTRING_INTERP_END", "the end of an interpolation"),
        ("IDENT", "a name"), ("FIELD", "a field such as .name"), ("LITERAL", "a number"),
        ("FORMAT", "a format such as @csv"), ("BINDING", "a variable"),
    ]

    /// Where in the program the line begins, or the function stands that is not defined.
    private static func offset(ofLine line: Int, in program: String, naming message: String) -> Int? {
        let lines = program.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.indices.contains(line - 1) else { return nil }
        let text = lines[line - 1]
        var start = text.firstIndex { !$0.isWhitespace } ?? text.startIndex
        if let name = message.firstRange(of: " is not defined").map({ message[..<$0.lowerBound] }),
            let found = text.firstRange(of: name.prefix { $0 != "/" })
        {
            start = found.lowerBound
        }
        return program.utf8.distance(from: program.startIndex, to: start)
    }

    /// From what a program raised: a text mostly, but any value with `error(…)`.
    static func runtimeError(_ raised: Value) -> StepError {
        let text = raised.asString.map { $0.count <= 400 ? $0 : $0.prefix(399) + "…" }
        // libjq 1.6 misspells the word in one of its messages.
        return StepError("jq-error", "jq: \(text?.replacing("errror", with: "error") ?? raised.quoted(limit: 200))")
    }
}
