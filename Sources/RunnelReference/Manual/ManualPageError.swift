/// Why no manual page could be made.
public struct ManualPageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Stable and in kebab case.
    public let code = "bad-help-dump"
    /// A sentence that says what the description of the commands lacks.
    public let message: String
    /// The sentence.
    public var description: String { message }
}
