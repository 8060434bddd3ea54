/// The codes of errors that any step or trigger can have.
public enum StepErrorCode: String, ErrorCode {
    case badPath = "bad-path"
    case badWith = "bad-with"
    case cancelled
    case emptyValue = "empty-value"
    case fileIsFolder = "file-is-folder"
    case noSuchRun = "no-such-run"
    case noSuchService = "no-such-service"
    case pathIsLink = "path-is-link"
    case pathOutside = "path-outside"
    case pathProtected = "path-protected"
    case serviceCycle = "service-cycle"
    case shuttingDown = "shutting-down"

    /// The heading in the reference.
    public static let part = "Every step"

    /// What it means, and what to do.
    public var explanation: ErrorExplanation {
        switch self {
        case .badPath: ErrorExplanation("the path is empty", "the path … holds a NUL character")
        case .badWith: ErrorExplanation("`…`: a value in `with:` is not what the step takes")
        case .cancelled: ErrorExplanation("the step was cancelled before it ended; what it had produced is kept")
        case .emptyValue:
            ErrorExplanation(
                "a value is null where there has to be one",
                hints: "give it a value, or a default: `{{ … | default(…) }}`")
        case .fileIsFolder: ErrorExplanation("\"…\" is a folder", hints: "name a file in it")
        case .noSuchRun: ErrorExplanation("there is no run …")
        case .noSuchService: ErrorExplanation("… is not available here")
        case .pathIsLink:
            ErrorExplanation(
                "\"…\" leads through a symbolic link",
                hints:
                    "links are not followed, so that nothing outside the project is touched, unless `files.links` in runnel.yaml names them"
            )
        case .pathOutside:
            ErrorExplanation(
                "\"…\" leads out of \"…\"", "\"…\" does not begin with \"…\"",
                hints: "files are read and written below the project's folder only")
        case .pathProtected:
            ErrorExplanation(
                "pipelines do not touch \"…\": \"…\" …",
                hints: "name another place, or allow this one in runnel.yaml: `files: { allow: […] }`")
        case .serviceCycle: ErrorExplanation("… cannot be made: making it needs itself")
        case .shuttingDown: ErrorExplanation("… is not available any more: Runnel is shutting down")
        }
    }
}
