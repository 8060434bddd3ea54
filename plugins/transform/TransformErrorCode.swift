import RunnelKit

/// The codes of errors of `transform`.
enum TransformErrorCode: String, ErrorCode {
    case badCSV = "bad-csv"
    case badEncoding = "bad-encoding"
    case badJSON = "bad-json"
    case emptyValue = "empty-value"
    case htmlParserFailed = "html-parser-failed"
    case htmlTooComplex = "html-too-complex"
    case jqCrashed = "jq-crashed"
    case jqError = "jq-error"
    case jqKilled = "jq-killed"
    case jqLimit = "jq-limit"
    case jqMemory = "jq-memory"
    case jqStalled = "jq-stalled"
    case jqTimeout = "jq-timeout"
    case jqUnavailable = "jq-unavailable"
    case noSuchGroup = "no-such-group"
    case regexError = "regex-error"
    case regexTimeout = "regex-timeout"
    case regexTooSlow = "regex-too-slow"
    case wrongInput = "wrong-input"

    static let part = "transform"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .badCSV:
            ErrorExplanation(
                "the input is not CSV: line …: …",
                hints: "remove the empty columns, name them, or read lists with `header: false`")
        case .badEncoding:
            ErrorExplanation("the input …", hints: "name its encoding with `encoding`, such as `encoding: shift_jis`")
        case .badJSON: ErrorExplanation("the input is not JSON: …", hints: "it begins with …")
        case .emptyValue: ErrorExplanation("`from`: expected a text to transform, found null")
        case .htmlParserFailed:
            ErrorExplanation(
                "the process that parses HTML failed: …",
                hints: "try again; if it stays so, look for a lack of memory or processes")
        case .htmlTooComplex:
            ErrorExplanation(
                "the page cannot be parsed: …",
                hints: "its elements are nested too deep, or it is too large; `as: text` gives its source")
        case .jqCrashed:
            ErrorExplanation(
                "the jq program crashed its evaluator (signal …)", "the jq program corrupted its evaluator's answer",
                hints: """
                    libjq crashed on this input; look for slices with nan as a bound and for deep nesting
                    """, "libjq failed on this input; split the program to find the cause")
        case .jqError: ErrorExplanation("jq: …")
        case .jqKilled:
            ErrorExplanation(
                "the process that evaluates jq was killed (signal …)",
                "the process that evaluates jq ended with exit status …", hints: "the system may have run out of memory"
            )
        case .jqLimit:
            ErrorExplanation(
                "the program's output nests deeper than … levels", "the program's output holds more than … values",
                "the program's output holds more than … of text", "the program produces more than … outputs",
                hints: "take the first ones with `limit(…; …)` or `first(…)`")
        case .jqMemory:
            ErrorExplanation(
                "the program needs more than … of memory",
                hints: "it may accumulate without end; otherwise process less data at a time")
        case .jqStalled:
            ErrorExplanation(
                "the process that evaluates jq did not answer for …",
                hints: "it was stopped, or the machine is overloaded")
        case .jqTimeout:
            ErrorExplanation(
                "the program took longer than its time limit of …",
                hints: "it may loop forever; if it needs more time, raise `timeout`")
        case .jqUnavailable:
            ErrorExplanation(
                "no process could be started to evaluate jq: …", hints: "check the limits on processes and memory")
        case .noSuchGroup: ErrorExplanation("the pattern has no group …", hints: "it has …")
        case .regexError: ErrorExplanation("the search failed: …")
        case .regexTimeout: ErrorExplanation("a search took longer than its time limit")
        case .regexTooSlow:
            ErrorExplanation(
                "the pattern needs too much backtracking on this text",
                hints: "avoid nested repetitions such as \"(a+)+\"")
        case .wrongInput:
            ErrorExplanation(
                "expected a text to transform, found …",
                hints: "name the text with `from:`, such as \"{{ input.text }}\"")
        }
    }
}
