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
