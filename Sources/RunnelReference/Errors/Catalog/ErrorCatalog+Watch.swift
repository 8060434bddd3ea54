// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let watch: [ErrorEntry] = [
        ErrorEntry(
            "watch-failed", part: "watch",
            sentences: ["cannot move \"…\": …", "cannot watch \"…\" with inotify: …"],
            hints: ["use `mode: poll`, or raise fs.inotify.max_user_instances"]),
    ]
}
