import CRunnelJQ
import LibC
import RunnelKit

/// Converts libjq's errors to messages.
enum JQMessage {
    /// The error of an evaluation without an answer.
    static func stepError(_ failure: EvaluatorFailure, limit: Duration) -> StepError {
        switch failure {
        case .outOfTime:
            StepError(
                TransformErrorCode.jqTimeout,
                "the program took longer than its time limit of \(DurationText.format(limit))",
                hint: "it may loop forever; if it needs more time, raise `timeout`")
        case .outOfMemory:
            StepError(
                TransformErrorCode.jqMemory, "the program needs more than \(JQLimits.memory) of memory",
                hint: "it may accumulate without end; otherwise process less data at a time")
        case .crashed(let signal):
            StepError(
                TransformErrorCode.jqCrashed, "the jq program crashed its evaluator (signal \(name(ofSignal: signal)))",
                hint:
                    "libjq crashed on this input; look for slices with nan as a bound and for deep nesting"
            )
        case .unreadable:
            StepError(
                TransformErrorCode.jqCrashed, "the jq program corrupted its evaluator's answer",
                hint: "libjq failed on this input; split the program to find the cause")
        case .killed(let signal):
            StepError(
                TransformErrorCode.jqKilled,
                "the process that evaluates jq was killed (signal \(name(ofSignal: signal)))",
                hint: "the system may have run out of memory", isTransient: true)
        case .ended(let status):
            StepError(
                TransformErrorCode.jqKilled, "the process that evaluates jq ended with exit status \(status)",
                isTransient: true)
        case .stalled(let time):
            StepError(
                TransformErrorCode.jqStalled,
                "the process that evaluates jq did not answer for \(DurationText.format(time))",
                hint: "it was stopped, or the machine is overloaded", isTransient: true)
        case .unavailable(let number):
            StepError(
                TransformErrorCode.jqUnavailable,
                "no process could be started to evaluate jq: \(String(cString: strerror(number)))",
                hint: "check the limits on processes and memory", isTransient: true)
        // Not shown: the caller cancelled the call.
        case .cancelled: stepError(.killed(signal: SIGKILL), limit: limit)
        }
    }

    private static func name(ofSignal number: CInt) -> String {
        let names = [
            SIGABRT: "SIGABRT", SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL",
            SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGINT: "SIGINT", SIGHUP: "SIGHUP",
        ]
        return names[number].map { "\(number), \($0)" } ?? "\(number)"
    }

    /// The error of a program whose output exceeds a limit; nil for other ends of an answer.
    static func tooMuch(_ end: runnel_jq_end) -> StepError? {
        switch end {
        case RUNNEL_JQ_TOO_DEEP:
            StepError(TransformErrorCode.jqLimit, "the program's output nests deeper than \(JQLimits.depth) levels")
        case RUNNEL_JQ_TOO_MANY_VALUES:
            StepError(TransformErrorCode.jqLimit, "the program's output holds more than \(JQLimits.values) values")
        case RUNNEL_JQ_TOO_MUCH_TEXT:
            StepError(TransformErrorCode.jqLimit, "the program's output holds more than \(JQLimits.text) of text")
        case RUNNEL_JQ_TOO_MANY_OUTPUTS:
            StepError(
                TransformErrorCode.jqLimit, "the program produces more than \(JQLimits.outputs) outputs",
                hint: "take the first ones with `limit(…; …)` or `first(…)`")
        default: nil
        }
    }

    /// The error of a program whose compilation failed with the evaluator.
    static func compileError(_ failure: EvaluatorFailure) -> FieldError {
        let error = stepError(failure, limit: JQLimits.compileTime)
        return FieldError("the jq program cannot be compiled: \(error.message)", hint: error.hint)
    }

    /// The error from messages such as `jq: error: nope/0 is not defined at <top-level>, line 1:`, each followed by the
    /// program.
    static func compileError(_ messages: [String], in program: String) -> FieldError {
        let lines = messages.flatMap { $0.split(separator: "\n") }
        var text = String(lines.first { $0.contains("error:") } ?? "libjq gives no reason")
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
                "invalid jq program: modules cannot be imported", hint: "write the functions into the program",
                utf8Offset: offset)
        }
        return FieldError("invalid jq program: \(text)\(line.map { ", line \($0)" } ?? "")", utf8Offset: offset)
    }

    private static let phrases = [
        ("unexpected $end", "unexpected end"), ("unexpected end of file", "unexpected end"),
        (" (Unix shell quoting issues?)", ""),
        (" (Windows cmd shell quoting issues?)", ""),
        ("$end", "the end"), ("INVALID_CHARACTER", "unexpected character"),
        ("unexpected end, expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END", "unterminated string"),
        ("QQSTRING_START", "a string"), ("QQSTRING_TEXT", "a string"), ("QQSTRING_END", "the end of a string"),
        ("QQSTRING_INTERP_START", "an interpolation"), ("QQSTRING_INTERP_END", "the end of an interpolation"),
        ("IDENT", "a name"), ("FIELD", "a field such as .name"), ("LITERAL", "a number"),
        ("FORMAT", "a format such as @csv"), ("BINDING", "a variable"),
    ]

    /// The offset of the line in the program, or of the undefined function.
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

    /// The error that a program raised: usually a text, but `error(…)` accepts any value.
    static func runtimeError(_ raised: Value, _ redactor: Redactor) -> StepError {
        guard let text = raised.asString else {
            return StepError(TransformErrorCode.jqError, "jq: \(redactor.redact(raised).quoted(limit: 200))")
        }
        let message = redactor.redact(markingCuts(text), limit: 400)
        // libjq 1.6 has this typo in one of its messages.
        return StepError(TransformErrorCode.jqError, "jq: \(message.replacing("errror", with: "error"))")
    }

    /// The message with `…` where libjq has truncated a value, so that the engine masks the beginning of a secret there:
    /// `string ("sk-pr...) has no keys`, `Invalid path expression near attempt to iterate through ["sk-pr...`.
    private static func markingCuts(_ message: String) -> String {
        // libjq's own messages are short.
        guard message.utf8.count <= 2000 else { return message }
        // The cut may split a character.
        let message = message.replacing(#/((?:array|object|string|number) \(.{1,60}?)\u{FFFD}?\.\.\.\)/#) {
            "\($0.output.1)…)"
        }
        guard message.hasPrefix("Invalid path expression ") else { return message }
        return message.replacing(#/\u{FFFD}?\.\.\.( of |$)/#) { "…\($0.output.1)" }
    }
}
