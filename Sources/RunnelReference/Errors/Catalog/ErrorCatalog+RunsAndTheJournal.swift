// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let runsAndTheJournal: [ErrorEntry] = [
        ErrorEntry(
            "bad-for-each", part: "Runs and the journal",
            sentences: [
                "`for_each.…`: expected a list, found …",
                "`for_each` has more than … combinations",
                "`for_each`: expected a list, found …",
            ],
            hints: ["convert an object to a list with jq: `to_entries`"]),
        ErrorEntry(
            "bad-with", part: "Runs and the journal",
            sentences: ["`with` must be a mapping"]),
        ErrorEntry(
            "checkpoint-too-large", part: "Runs and the journal",
            sentences: ["a checkpoint of … bytes is larger than … KiB"],
            hints: ["keep what identifies the work, not its content"]),
        ErrorEntry(
            "definition-gone", part: "Runs and the journal",
            sentences: ["the journal does not contain the pipeline of the run"]),
        ErrorEntry(
            "definition-invalid", part: "Runs and the journal",
            sentences: ["the pipeline of the run is no longer valid: …"],
            hints: ["a plugin or a setting that it needs may have been removed; `runnel runs retry` uses the current file"]),
        ErrorEntry(
            "empty-value", part: "Runs and the journal",
            sentences: ["`for_each`: expected a list, found null"]),
        ErrorEntry(
            "journal-busy", part: "Runs and the journal",
            sentences: [
                "the journal … is held by another process for too long",
                "another process says that it is the worker …",
            ],
            hints: ["a program that looks into the file must not keep a transaction open"]),
        ErrorEntry(
            "journal-closed", part: "Runs and the journal",
            sentences: ["the journal is closed"]),
        ErrorEntry(
            "journal-corrupt", part: "Runs and the journal",
            sentences: [
                "the journal holds a damaged value: …",
                "the journal … holds a damaged value: …",
                "the journal … is damaged: …",
                "the journal holds a value that is not JSON",
                "the file … is missing, which holds an output",
                "the file … is damaged, which holds an output",
                "the journal holds a trigger without its part \"…\"",
            ],
            hints: [
                "the run that it belongs to can be sent again with `runnel runs retry`",
                "move it away and Runnel begins a new one; `sqlite3 … .recover` may save what is in it",
            ]),
        ErrorEntry(
            "journal-failed", part: "Runs and the journal",
            sentences: [
                "the journal … failed: …",
                "the file … was removed before the run that it belongs to was written",
                "a write came to no result",
            ]),
        ErrorEntry(
            "journal-full", part: "Runs and the journal",
            sentences: ["there is no space left to write …"],
            hints: ["make room on the disk; nothing that was accepted is lost"]),
        ErrorEntry(
            "journal-gone", part: "Runs and the journal",
            sentences: ["the journal … was removed or replaced while it was in use"],
            hints: ["put it back, or start Runnel again to begin a new one"]),
        ErrorEntry(
            "journal-newer", part: "Runs and the journal",
            sentences: ["the journal … was written by a newer version of Runnel"],
            hints: ["use that version, or another folder"]),
        ErrorEntry(
            "journal-read-only", part: "Runs and the journal",
            sentences: ["… cannot be written: …"],
            hints: ["let the user that runs Runnel write there"]),
        ErrorEntry(
            "killed-its-worker", part: "Runs and the journal",
            sentences: ["the worker of the run died … times… without progress"],
            hints: ["check the system log for the cause, such as out of memory or a crash in a library; `runnel runs retry …` runs it again"]),
        ErrorEntry(
            "lease-lost", part: "Runs and the journal",
            sentences: ["the run … is now owned by another process"],
            hints: ["this process was stopped for so long that it was declared dead"]),
        ErrorEntry(
            "loop-exhausted", part: "Runs and the journal",
            sentences: ["the condition of the loop is not met after … round…"],
            hints: ["raise `max_rounds`, or check the condition"]),
        ErrorEntry(
            "no-such-run", part: "Runs and the journal",
            sentences: ["there is no run \"…\""]),
        ErrorEntry(
            "run-timeout", part: "Runs and the journal",
            sentences: ["the run took longer than its `timeout` of …"]),
        ErrorEntry(
            "step-failed", part: "Runs and the journal",
            sentences: []),
        ErrorEntry(
            "step-timeout", part: "Runs and the journal",
            sentences: [
                "the step took longer than its `timeout` of …",
                "the group took longer than its `timeout` of …",
            ]),
        ErrorEntry(
            "unknown-step", part: "Runs and the journal",
            sentences: ["unknown step \"…\""],
            hints: ["its plugin may have been removed; `runnel steps` lists all steps"]),
        ErrorEntry(
            "worker-unknown", part: "Runs and the journal",
            sentences: ["the journal no longer knows the worker …"],
            hints: ["it was silent for so long that it was declared dead; it joins again automatically"]),
    ]
}
