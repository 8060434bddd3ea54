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
    /// What had been produced when it failed, such as the text of a stream that broke off.
    public var partialOutput: Value?
    /// Where in the rendered `with:` the offending value is; empty where the error is about none. With it, an
    /// `empty-value` is shown with the expression that was null and its place in the file.
    public var field: [FieldError.PathElement]

    /// An error; see the properties.
    public init(
        _ code: String, _ message: String, hint: String? = nil, isTransient: Bool = false,
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
            error.code ?? "bad-with", error.path.isEmpty ? error.message : "`\(error.place)`: \(error.message)",
            hint: error.hint, field: error.path)
    }
}

extension StepError: CustomStringConvertible {
    /// The message and, behind a semicolon, the hint.
    public var description: String {
        [message, hint].compactMap(\.self).joined(separator: "; ")
    }
}

extension StepError {
    /// A code that Runnel itself looks at. The text is stable and meant for programs.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code in kebab case, for example `no-such-run`.
        public let rawValue: String
        /// The code in kebab case.
        public var description: String { rawValue }

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        /// There is no such run, or retention has removed it.
        public static let noSuchRun = Code("no-such-run")
        /// Nothing in this process provides the service that a step asks for.
        public static let noSuchService = Code("no-such-service")
        /// A value is null where there has to be one.
        public static let emptyValue = Code("empty-value")
    }

    /// An error with a code that Runnel itself looks at.
    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.init(code.rawValue, message, hint: hint)
    }

    /// Whether the error has this code.
    public func has(_ code: Code) -> Bool { self.code == code.rawValue }
}
