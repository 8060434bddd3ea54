// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let template: [ErrorEntry] = [
        ErrorEntry(
            "empty-value", part: "template",
            sentences: ["the expression in \"…\" is null, and a text is needed"],
            hints: ["add `| default(\"…\")` if it may be missing"]),
    ]
}
