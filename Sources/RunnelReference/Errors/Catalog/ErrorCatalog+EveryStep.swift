// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let everyStep: [ErrorEntry] = [
        ErrorEntry(
            "bad-path", part: "Every step",
            sentences: ["the path is empty", "the path … holds a NUL character"]),
        ErrorEntry(
            "empty-value", part: "Every step",
            sentences: []),
        ErrorEntry(
            "file-is-folder", part: "Every step",
            sentences: ["\"…\" is a folder"],
            hints: ["name a file in it"]),
        ErrorEntry(
            "no-such-service", part: "Every step",
            sentences: ["… is not available here"]),
        ErrorEntry(
            "path-is-link", part: "Every step",
            sentences: ["\"…\" leads through a symbolic link"],
            hints: ["links are not followed, so that nothing outside the project is touched, unless `files.links` in runnel.yaml names them"]),
        ErrorEntry(
            "path-outside", part: "Every step",
            sentences: ["\"…\" leads out of \"…\"", "\"…\" does not begin with \"…\""],
            hints: ["files are read and written below the project's folder only"]),
        ErrorEntry(
            "path-protected", part: "Every step",
            sentences: ["pipelines do not touch \"…\": \"…\" …"],
            hints: ["name another place, or allow this one in runnel.yaml: `files: { allow: […] }`"]),
        ErrorEntry(
            "service-cycle", part: "Every step",
            sentences: ["… cannot be made: making it needs itself"]),
        ErrorEntry(
            "shutting-down", part: "Every step",
            sentences: ["… is not available any more: Runnel is shutting down"]),
    ]
}
