// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let theCommandLine: [ErrorEntry] = [
        ErrorEntry(
            "link-outside", part: "The command line",
            sentences: []),
        ErrorEntry(
            "not-configured", part: "The command line",
            sentences: ["`marketplace.…` has no value: …", "`marketplace.…` is not set"],
            hints: ["set it in runnel.yaml or as RUNNEL_MARKETPLACE_…, or try `--simulate`"]),
        ErrorEntry(
            "plugin-untrusted", part: "The command line",
            sentences: []),
    ]
}
