// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let pluginsInOtherLanguages: [ErrorEntry] = [
        ErrorEntry(
            "bad-with", part: "Plugins in other languages",
            sentences: []),
        ErrorEntry(
            "empty-value", part: "Plugins in other languages",
            sentences: []),
        ErrorEntry(
            "mcp-error", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" answered with the error … while …: …"]),
        ErrorEntry(
            "mcp-input-required", part: "Plugins in other languages",
            sentences: ["the tool \"…\" of the plugin \"…\" wants an answer (\"…\")"],
            hints: ["a pipeline runs without anyone to ask; give all that it needs in with:"]),
        ErrorEntry(
            "mcp-refused", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" … while …"]),
        ErrorEntry(
            "mcp-session", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" ended the session while …"]),
        ErrorEntry(
            "mcp-tool-failed", part: "Plugins in other languages",
            sentences: ["the tool \"…\" of the plugin \"…\" failed: …"]),
        ErrorEntry(
            "plugin-bad-output", part: "Plugins in other languages",
            sentences: ["line … of what … wrote …", "… ended in the middle of line … of its output: …"],
            hints: ["write complete lines, and flush standard output before the program ends"]),
        ErrorEntry(
            "plugin-cache", part: "Plugins in other languages",
            sentences: ["what the plugin offers cannot be written to …: …"],
            hints: ["make the folder writable"]),
        ErrorEntry(
            "plugin-command-not-found", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" cannot start: …"]),
        ErrorEntry(
            "plugin-crashed", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" … while …"]),
        ErrorEntry(
            "plugin-environment", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" cannot be reached: …", "the plugin \"…\" cannot start: …"]),
        ErrorEntry(
            "plugin-error", part: "Plugins in other languages",
            sentences: []),
        ErrorEntry(
            "plugin-exit-status", part: "Plugins in other languages",
            sentences: []),
        ErrorEntry(
            "plugin-no-result", part: "Plugins in other languages",
            sentences: ["… ended without a result…"],
            hints: ["write a line such as {\"type\":\"result\",\"output\":null} before the program ends"]),
        ErrorEntry(
            "plugin-not-asked", part: "Plugins in other languages",
            sentences: ["the plugin \"…\" was not asked for its tools yet; `runnel plugins refresh …` starts it and asks"]),
        ErrorEntry(
            "plugin-output-too-long", part: "Plugins in other languages",
            sentences: [
                "line … of what … wrote is longer than … (max_line)",
                "… wrote more than … in one call (max_output)",
            ],
            hints: [
                "write less, or raise max_line in plugin.yaml",
                "write less, or raise max_output in plugin.yaml",
            ]),
        ErrorEntry(
            "plugin-start-failed", part: "Plugins in other languages",
            sentences: [
                "the plugin \"…\" … before it was ready…",
                "the plugin \"…\" cannot be used: it …",
                "the plugin \"…\" cannot be reached: it has no url",
                "the plugin \"…\" has no command",
                "the plugin \"…\" …: …",
            ],
            hints: ["try to run it by hand; an MCP server waits for its input and writes nothing else than messages"]),
        ErrorEntry(
            "plugin-timeout", part: "Plugins in other languages",
            sentences: [
                "the plugin \"…\" did not list its tools within … (start_timeout)",
                "the plugin \"…\" was not ready within … (start_timeout)",
                "the plugin \"…\" did not end within … (timeout)",
            ],
            hints: [
                "raise start_timeout in plugin.yaml if it needs longer",
                "raise timeout in plugin.yaml if it needs longer",
            ]),
        ErrorEntry(
            "plugin-two-results", part: "Plugins in other languages",
            sentences: ["… wrote a second result in line … of its output"],
            hints: ["write one line of type \"result\" per call"]),
        ErrorEntry(
            "program-not-found", part: "Plugins in other languages",
            sentences: [],
            hints: ["install it, or write its path"]),
        ErrorEntry(
            "program-start-failed", part: "Plugins in other languages",
            sentences: ["cannot start …: …"]),
        ErrorEntry(
            "shutting-down", part: "Plugins in other languages",
            sentences: [
                "the plugin \"…\" cannot start: Runnel is shutting down",
                "no plugin can be started any more: Runnel is shutting down",
            ]),
    ]
}
