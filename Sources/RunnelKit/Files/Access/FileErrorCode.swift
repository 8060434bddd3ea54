/// Error codes of reading and writing project files.
@nonexhaustive public enum FileErrorCode: String, ErrorCode {
    case badCSV = "bad-csv"
    case badEncoding = "bad-encoding"
    case badJSON = "bad-json"
    case diskFull = "disk-full"
    case fileExists = "file-exists"
    case fileFailed = "file-failed"
    case fileNameTooLong = "file-name-too-long"
    case fileNotFolder = "file-not-folder"
    case fileNotFound = "file-not-found"
    case filePermission = "file-permission"
    case fileReadOnly = "file-read-only"
    case fileTooLarge = "file-too-large"
    case notUTF8 = "not-utf8"
    case tooManyFiles = "too-many-files"

    /// The heading in the reference.
    public static let part = "file.read and file.write"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .badCSV:
            ErrorExplanation(
                "\"…\", line …: …", hints: "remove the empty columns, name them, or read lists with `header: false`")
        case .badEncoding:
            ErrorExplanation(
                "\"…\" declares the unknown encoding …",
                hints: "name its real encoding with `encoding`, or read it with `as: bytes`",
                "name its encoding with `encoding`, or read it with `as: bytes`")
        case .badJSON: ErrorExplanation("\"…\" is not JSON: …")
        case .diskFull:
            ErrorExplanation(
                "the disk is full", "the disk quota is used up", hints: "make room; nothing was changed", "make room")
        case .fileExists:
            ErrorExplanation("\"…\" exists already", hints: "use `if_exists: overwrite` or `skip` if that is meant")
        case .fileFailed:
            ErrorExplanation(
                "cannot list \"…\"",
                hints: "let the user who runs Runnel read and enter its folders, or begin the pattern with a folder")
        case .fileNameTooLong: ErrorExplanation("the name is too long")
        case .fileNotFolder: ErrorExplanation("a part of the path is a file, not a folder")
        case .fileNotFound: ErrorExplanation("there is no such file")
        case .filePermission:
            ErrorExplanation("permission denied", hints: "check the owner and mode of the file and its folder")
        case .fileReadOnly: ErrorExplanation("the file system is read-only")
        case .fileTooLarge:
            ErrorExplanation(
                "\"…\" is larger than …", "the … files that match \"…\" have … together, more than …",
                hints: "raise `max_size` if that is meant", "narrow the pattern, or raise `max_size` if that is meant")
        case .notUTF8:
            ErrorExplanation(
                "\"…\" is not UTF-8 text: byte … is invalid",
                hints: "name its encoding, such as `encoding: shift_jis`, or read it with `as: bytes`")
        case .tooManyFiles:
            ErrorExplanation("too many files are open", "more than … files match", hints: "narrow the pattern")
        }
    }
}
