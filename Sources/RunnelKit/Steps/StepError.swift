/// Why a step failed, in words for the person who runs the pipeline.
public struct StepError: Error, Sendable {
    /// Stable and in kebab case, for programs: `file-not-found`, `http-status`.
    public var code: String
    /// One sentence that quotes the offending value. Secrets in it are masked before anyone sees it.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// Whether the same step could succeed if it were tried again a little later.
    public var isTransient: Bool
    /// How long the other side asked to be left alone.
    public var retryAfter: Duration?
    /// What had been produced when it failed or was cancelled, such as the text of a stream that broke off. It is kept with the
    /// step and is never its output.
    public var partialOutput: Value?
    /// Where in the rendered `with:` the offending value is; empty where the error is about none. With it, an
    /// `empty-value` is shown with the expression that was null and its place in the file.
    public var field: [FieldError.PathElement]

    /// An error whose code is declared, by Runnel or by the plugin; see `ErrorCode`.
    public init(
        _ code: any ErrorCode, _ message: String, hint: String? = nil, isTransient: Bool = false,
        retryAfter: Duration? = nil, partialOutput: Value? = nil, field: [FieldError.PathElement] = []
    ) {
        self.init(
            reported: code.rawValue, message, hint: hint, isTransient: isTransient, retryAfter: retryAfter,
            partialOutput: partialOutput, field: field)
    }

    /// An error with a code that any step or trigger can have.
    public init(
        _ code: StepErrorCode, _ message: String, hint: String? = nil, isTransient: Bool = false,
        retryAfter: Duration? = nil, partialOutput: Value? = nil, field: [FieldError.PathElement] = []
    ) {
        self.init(
            reported: code.rawValue, message, hint: hint, isTransient: isTransient, retryAfter: retryAfter,
            partialOutput: partialOutput, field: field)
    }

    /// An error whose code comes from elsewhere, such as from another process or a service.
    public init(
        reported code: String, _ message: String, hint: String? = nil, isTransient: Bool = false,
        retryAfter: Duration? = nil, partialOutput: Value? = nil, field: [FieldError.PathElement] = []
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.isTransient = isTransient
        self.retryAfter = retryAfter
        self.partialOutput = partialOutput
        self.field = field
    }

    /// The error of a `with:` that turned out wrong once it was rendered.
    public init(badConfiguration error: FieldError) {
        self.init(
            reported: error.code ?? StepErrorCode.badWith.rawValue,
            error.path.isEmpty ? error.message : "`\(error.place)`: \(error.message)",
            hint: error.hint, field: error.path)
    }

    /// What a cancelled step throws in the place of a `CancellationError` when it had produced something.
    ///
    /// - Parameter partialOutput: What is kept with the cancelled step. Secrets in it are masked.
    public static func cancelled(partialOutput: Value) -> StepError {
        StepError(
            StepErrorCode.cancelled, "the step was cancelled before it ended; what it had produced is kept",
            partialOutput: partialOutput)
    }

    /// Whether the error has this code.
    public func has(_ code: any ErrorCode) -> Bool { self.code == code.rawValue }

    /// Whether the error has this code.
    public func has(_ code: StepErrorCode) -> Bool { self.code == code.rawValue }
}

extension StepError: CustomStringConvertible {
    /// The message and, behind a semicolon, the hint.
    public var description: String {
        [message, hint].compactMap(\.self).joined(separator: "; ")
    }
}

/// The codes of errors that any step or trigger can have.
@nonexhaustive public enum StepErrorCode: String, ErrorCode {
    case badPath = "bad-path"
    case badWith = "bad-with"
    case cancelled
    case checkpointTooLarge = "checkpoint-too-large"
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
        case .badWith:
            ErrorExplanation(
                "`…`: a value in `with:` is not what the step takes", "… cannot be the path of a hook",
                hints:
                    "use letters, digits, \"-\", \"_\", \".\" and \"~\", with slashes between: \"github/issues\"; a part in braces is a parameter: \"scan/{id}\""
            )
        case .cancelled: ErrorExplanation("the step was cancelled before it ended; what it had produced is kept")
        case .checkpointTooLarge:
            ErrorExplanation(
                "a checkpoint of … bytes is larger than … KiB", hints: "keep what identifies the work, not its content")
        case .emptyValue:
            ErrorExplanation(
                "a value is null where there has to be one",
                "a value in `with:` is null, which the schema of the step does not allow",
                hints: "give it a value, or a default: `{{ … | default(…) }}`")
        case .fileIsFolder:
            ErrorExplanation(
                "\"…\" is a folder", "cannot read \"…\": it is …", hints: "name a file in it", "name a file")
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
