/// Why the journal could not do its work, in words for the person who looks after it.
public struct JournalError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Stable and in kebab case: `journal-full`, `journal-read-only`, `journal-corrupt`, `journal-newer`,
    /// `journal-gone`, `journal-busy`, `journal-failed`, `lease-lost`.
    public var code: String
    public var message: String
    public var hint: String?

    public init(_ code: String, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// The run belongs to another process by now, so nothing was written.
    public static func leaseLost(_ runID: String) -> JournalError {
        JournalError(
            "lease-lost", "the run \(runID) belongs to another process by now",
            hint: "this process was stopped for so long that it counted as dead")
    }

    public var description: String {
        hint.map { "\(message); \($0)" } ?? message
    }
}
