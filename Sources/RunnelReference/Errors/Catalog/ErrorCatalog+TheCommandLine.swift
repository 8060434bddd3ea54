// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let theCommandLine: [ErrorEntry] = [
        ErrorEntry(
            "bad-env-file", part: "The command line",
            sentences: []),
        ErrorEntry(
            "duplicate-pipeline", part: "The command line",
            sentences: ["the pipeline in … is named \"…\" too; `runnel serve` serves only one of them"],
            hints: ["give one of them another name"]),
        ErrorEntry(
            "env-file-mode", part: "The command line",
            sentences: ["other users of this machine can open the file (mode 0…)"],
            hints: ["`chmod 600 …`"]),
        ErrorEntry(
            "journal-failed", part: "The command line",
            sentences: ["there is no journal in …", "the journal is in PostgreSQL"],
            hints: [
                "name the folder that holds journal.db, or a URL",
                "back it up with `pg_dump --schema=SCHEMA`",
            ]),
        ErrorEntry(
            "journal-unreachable", part: "The command line",
            sentences: ["the journal cannot be opened: `journal.password`: …"]),
        ErrorEntry(
            "link-outside", part: "The command line",
            sentences: []),
        ErrorEntry(
            "not-configured", part: "The command line",
            sentences: []),
        ErrorEntry(
            "plugin-untrusted", part: "The command line",
            sentences: []),
    ]
}
