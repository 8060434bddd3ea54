// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let theCommandLine: [ErrorEntry] = [
        ErrorEntry(
            "duplicate-pipeline", part: "The command line",
            sentences: ["the pipeline in … is named \"…\" too; `runnel serve` serves only one of them"],
            hints: ["give one of them another name"]),
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
