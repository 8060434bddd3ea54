// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let everyStep: [ErrorEntry] = [
        ErrorEntry(
            "empty-value", part: "Every step",
            sentences: []),
        ErrorEntry(
            "no-such-service", part: "Every step",
            sentences: ["… is not available here"]),
        ErrorEntry(
            "service-cycle", part: "Every step",
            sentences: ["… cannot be made: making it needs itself"]),
        ErrorEntry(
            "shutting-down", part: "Every step",
            sentences: ["… is not available any more: Runnel is shutting down"]),
    ]
}
