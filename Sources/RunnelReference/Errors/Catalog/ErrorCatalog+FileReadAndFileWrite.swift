// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let fileReadAndFileWrite: [ErrorEntry] = [
        ErrorEntry(
            "bad-csv", part: "file.read and file.write",
            sentences: ["\"…\", line …: …"]),
        ErrorEntry(
            "bad-encoding", part: "file.read and file.write",
            sentences: ["\"…\" declares the unknown encoding …"],
            hints: [
                "name its real encoding with `encoding`, or read it with `as: bytes`",
                "name its encoding with `encoding`, or read it with `as: bytes`",
            ]),
        ErrorEntry(
            "bad-json", part: "file.read and file.write",
            sentences: ["\"…\" is not JSON: …"]),
        ErrorEntry(
            "bad-with", part: "file.read and file.write",
            sentences: ["`glob`: …"]),
        ErrorEntry(
            "disk-full", part: "file.read and file.write",
            sentences: ["the disk is full", "the disk quota is used up"],
            hints: ["make room; nothing was changed"]),
        ErrorEntry(
            "file-exists", part: "file.read and file.write",
            sentences: ["\"…\" exists already"],
            hints: ["use `if_exists: overwrite` or `skip` if that is meant"]),
        ErrorEntry(
            "file-failed", part: "file.read and file.write",
            sentences: ["cannot list \"…\""]),
        ErrorEntry(
            "file-is-folder", part: "file.read and file.write",
            sentences: ["cannot read \"…\": it is …", "it is a folder"],
            hints: ["name a file", "name a file in it"]),
        ErrorEntry(
            "file-name-too-long", part: "file.read and file.write",
            sentences: ["the name is too long"]),
        ErrorEntry(
            "file-not-folder", part: "file.read and file.write",
            sentences: ["a part of the path is a file, not a folder"]),
        ErrorEntry(
            "file-not-found", part: "file.read and file.write",
            sentences: ["there is no such file"]),
        ErrorEntry(
            "file-permission", part: "file.read and file.write",
            sentences: ["permission denied"],
            hints: ["check the owner and mode of the file and its folder"]),
        ErrorEntry(
            "file-read-only", part: "file.read and file.write",
            sentences: ["the file system is read-only"]),
        ErrorEntry(
            "file-too-large", part: "file.read and file.write",
            sentences: ["\"…\" is larger than …"],
            hints: ["raise `max_size` if that is meant"]),
        ErrorEntry(
            "not-utf8", part: "file.read and file.write",
            sentences: [],
            hints: ["name its encoding, such as `encoding: shift_jis`, or read it with `as: bytes`"]),
        ErrorEntry(
            "too-many-files", part: "file.read and file.write",
            sentences: ["too many files are open", "more than … files match"],
            hints: ["narrow the pattern"]),
    ]
}
