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

    public init(
        _ code: String, _ message: String, hint: String? = nil, isTransient: Bool = false,
        retryAfter: Duration? = nil, partialOutput: Value? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.isTransient = isTransient
        self.retryAfter = retryAfter
        self.partialOutput = partialOutput
    }

    /// The error of a `with:` that turned out wrong once it was rendered.
    public init(badConfiguration error: FieldError) {
        var place = ""
        for element in error.path {
            switch element {
            case .key(let key): place += place.isEmpty ? key : ".\(key)"
            case .index(let index): place += "[\(index)]"
            }
        }
        self.init("bad-with", place.isEmpty ? error.message : "`\(place)`: \(error.message)", hint: error.hint)
    }
}

extension StepError: CustomStringConvertible {
    public var description: String {
        [message, hint].compactMap(\.self).joined(separator: "; ")
    }
}
