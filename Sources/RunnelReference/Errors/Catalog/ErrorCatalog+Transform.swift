// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let transform: [ErrorEntry] = [
        ErrorEntry(
            "bad-csv", part: "transform",
            sentences: ["the input is not CSV: line …: …"]),
        ErrorEntry(
            "bad-encoding", part: "transform",
            sentences: ["the input …"],
            hints: ["name its encoding with `encoding`, such as `encoding: shift_jis`"]),
        ErrorEntry(
            "bad-json", part: "transform",
            sentences: ["the input is not JSON: …"],
            hints: ["it begins with …"]),
        ErrorEntry(
            "empty-value", part: "transform",
            sentences: ["`from`: expected a text to transform, found null"]),
        ErrorEntry(
            "html-parser-failed", part: "transform",
            sentences: ["the process that parses HTML failed: …"],
            hints: ["try again; if it stays so, look for a lack of memory or processes"]),
        ErrorEntry(
            "html-too-complex", part: "transform",
            sentences: ["the page cannot be parsed: …"],
            hints: ["its elements are nested too deep, or it is too large; `as: text` gives its source"]),
        ErrorEntry(
            "jq-crashed", part: "transform",
            sentences: [
                "the jq program crashed its evaluator (signal …)",
                "the jq program corrupted its evaluator's answer",
            ],
            hints: [
                "libjq crashed on this input; look for slices with nan as a bound and for deep nesting",
                "libjq failed on this input; split the program to find the cause",
            ]),
        ErrorEntry(
            "jq-error", part: "transform",
            sentences: ["jq: …"]),
        ErrorEntry(
            "jq-killed", part: "transform",
            sentences: [
                "the process that evaluates jq was killed (signal …)",
                "the process that evaluates jq ended with exit status …",
            ],
            hints: ["the system may have run out of memory"]),
        ErrorEntry(
            "jq-limit", part: "transform",
            sentences: [
                "the program's output nests deeper than … levels",
                "the program's output holds more than … values",
                "the program's output holds more than … of text",
                "the program produces more than … outputs",
            ],
            hints: ["take the first ones with `limit(…; …)` or `first(…)`"]),
        ErrorEntry(
            "jq-memory", part: "transform",
            sentences: ["the program needs more than … of memory"],
            hints: ["it may accumulate without end; otherwise process less data at a time"]),
        ErrorEntry(
            "jq-stalled", part: "transform",
            sentences: ["the process that evaluates jq did not answer for …"],
            hints: ["it was stopped, or the machine is overloaded"]),
        ErrorEntry(
            "jq-timeout", part: "transform",
            sentences: ["the program took longer than its time limit of …"],
            hints: ["it may loop forever; if it needs more time, raise `timeout`"]),
        ErrorEntry(
            "jq-unavailable", part: "transform",
            sentences: ["no process could be started to evaluate jq: …"],
            hints: ["check the limits on processes and memory"]),
        ErrorEntry(
            "no-such-group", part: "transform",
            sentences: ["the pattern has no group …"],
            hints: ["it has …"]),
        ErrorEntry(
            "regex-error", part: "transform",
            sentences: ["the search failed: …"]),
        ErrorEntry(
            "regex-timeout", part: "transform",
            sentences: []),
        ErrorEntry(
            "regex-too-slow", part: "transform",
            sentences: ["the pattern needs too much backtracking on this text"],
            hints: ["avoid nested repetitions such as \"(a+)+\""]),
        ErrorEntry(
            "wrong-input", part: "transform",
            sentences: ["expected a text to transform, found …"],
            hints: ["name the text with `from:`, such as \"{{ input.text }}\""]),
    ]
}
