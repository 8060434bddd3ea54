// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let transform: [ErrorEntry] = [
        ErrorEntry(
            "bad-csv", part: "transform",
            sentences: ["the input is not CSV: line …: …"]),
        ErrorEntry(
            "bad-json", part: "transform",
            sentences: ["the input is not JSON: …"],
            hints: ["it begins with …"]),
        ErrorEntry(
            "empty-value", part: "transform",
            sentences: ["`from`: expected a text to transform, found null"]),
        ErrorEntry(
            "jq-busy", part: "transform",
            sentences: ["… jq programs that were stopped have not ended yet"],
            hints: ["look for programs that reach their time limit"]),
        ErrorEntry(
            "jq-error", part: "transform",
            sentences: ["jq: …"]),
        ErrorEntry(
            "jq-limit", part: "transform",
            sentences: [
                "the program's output nests deeper than … levels",
                "the program's output holds more than … values",
                "the program's output holds more than … of text",
                "the program makes more than … outputs",
            ],
            hints: ["take the first ones with `limit(…; …)` or `first(…)`"]),
        ErrorEntry(
            "jq-memory", part: "transform",
            sentences: [
                "the process grew by more than … while the program ran",
                "the program needs more memory than there is",
            ],
            hints: [
                "the program may collect without end; else work on less data at a time",
                "work on less data at a time",
            ]),
        ErrorEntry(
            "jq-stopped", part: "transform",
            sentences: ["the evaluation was stopped"]),
        ErrorEntry(
            "jq-timeout", part: "transform",
            sentences: ["the program took longer than its time limit of …"],
            hints: ["it may never end; if it needs the time, raise `timeout`"]),
        ErrorEntry(
            "no-such-group", part: "transform",
            sentences: ["the pattern has no group …"],
            hints: ["it has …"]),
        ErrorEntry(
            "no-thread", part: "transform",
            sentences: ["no thread could be started"]),
        ErrorEntry(
            "regex-error", part: "transform",
            sentences: ["the search failed: …"]),
        ErrorEntry(
            "regex-timeout", part: "transform",
            sentences: []),
        ErrorEntry(
            "regex-too-slow", part: "transform",
            sentences: ["the pattern needs too many attempts on this text"],
            hints: ["avoid a repetition inside of a repetition, such as \"(a+)+\""]),
        ErrorEntry(
            "wrong-input", part: "transform",
            sentences: ["expected a text to transform, found …"],
            hints: ["name the text with `from:`, such as \"{{ input.text }}\""]),
    ]
}
