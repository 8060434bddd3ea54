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
                "the journal … is in use",
                "the journal to be … is in use: …",
                "the journal … has no connection left: …",
                "the journal … did not answer in time: …",
                "a read of the journal … was given up before it began",
                "the journal … is held by another process for too long",
                "another process says that it is the worker …",
            ],
            hints: [
                "stop Runnel first",
                "stop Runnel there; a process that was killed goes from the list with the next `runnel runs resume`",
                "raise `max_connections` of PostgreSQL, or lower `journal.pool`",
                "look for long transactions in `pg_stat_activity`",
                "a program that looks into the file must not keep a transaction open",
            ]),
        ErrorEntry(
            "journal-closed", part: "Runs and the journal",
            sentences: ["the journal is closed"]),
        ErrorEntry(
            "journal-corrupt", part: "Runs and the journal",
            sentences: [
                "the journal … is damaged: …",
                "the journal holds a damaged value: …",
                "the journal … holds a damaged value: …",
                "the journal holds a value that is not JSON",
                "the file … is missing, which holds an output",
                "the file … is damaged, which holds an output",
                "the journal holds a trigger without its part \"…\"",
            ],
            hints: [
                "restore the database from a backup",
                "the run that it belongs to can be sent again with `runnel runs retry`",
                "move it away and Runnel begins a new one; `sqlite3 … .recover` may save what is in it",
            ]),
        ErrorEntry(
            "journal-failed", part: "Runs and the journal",
            sentences: [
                "the folder … exists already",
                "the journal changed too often to be backed up",
                "… is no backup: it has no journal.db",
                "there is a journal already: …",
                "a journal in memory cannot be copied",
                "the journal to be copied to is not empty: it has … run…",
                "the journal … failed: …",
                "the journal cannot be opened: …",
                "the journal … failed: … […]",
                "a write came to no result",
                "the file … was removed before the run that it belongs to was written",
            ],
            hints: [
                "name a new folder; a backup replaces nothing",
                "try again when less runs are removed",
                "name a folder of `runnel journal backup`",
                "--replace moves it aside",
                "copy into a new schema or folder",
            ]),
        ErrorEntry(
            "journal-full", part: "Runs and the journal",
            sentences: [
                "there is no space left to write the journal …",
                "there is no space left to write …",
            ],
            hints: [
                "make room on the disk of PostgreSQL; nothing that was accepted is lost",
                "make room on the disk; nothing that was accepted is lost",
            ]),
        ErrorEntry(
            "journal-gone", part: "Runs and the journal",
            sentences: [
                "the tables of the journal … are gone: …",
                "the journal … was removed or replaced while it was in use",
            ],
            hints: [
                "put them back, or start Runnel again to begin a new journal",
                "put it back, or start Runnel again to begin a new one",
            ]),
        ErrorEntry(
            "journal-newer", part: "Runs and the journal",
            sentences: ["the journal … was written by a newer version of Runnel"],
            hints: ["use that version, or another schema", "use that version, or another folder"]),
        ErrorEntry(
            "journal-read-only", part: "Runs and the journal",
            sentences: ["the journal … cannot be written: …", "… cannot be written: …"],
            hints: [
                "let `journal.url` lead to the primary: add `?target_session_attrs=read-write`",
                "give the user the right to create and write the tables of the schema",
                "let the user that runs Runnel write there",
            ]),
        ErrorEntry(
            "journal-unreachable", part: "Runs and the journal",
            sentences: [
                "the journal … cannot be reached: …",
                "the journal … refused the connection: …",
                "the journal … was lost during a write, which may or may not have been made",
            ],
            hints: [
                "start PostgreSQL, and check `journal.url`; nothing that was accepted is lost",
                "check the user in `journal.url` and `journal.password`",
                "create the database with `createdb`",
            ]),
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
