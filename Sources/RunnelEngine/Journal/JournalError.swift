/// Why the journal could not do its work, in words for the person who looks after it.
public struct JournalError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Stable and in kebab case: `journal-full`, `journal-read-only`, `journal-corrupt`, `journal-newer`,
    /// `journal-gone`, `journal-busy`, `journal-failed`, `lease-lost`, `worker-unknown`.
    public var code: String
    public var message: String
    public var hint: String?

    /// Whether one value of one run is damaged, and the rest of the journal as good as before.
    public var isOfOneRun = false

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

    /// The journal does not know the worker, so nothing was written.
    public static func workerUnknown(_ worker: WorkerID) -> JournalError {
        JournalError(
            "worker-unknown", "the journal does not know the worker \(worker) any more",
            hint: "it was silent for so long that it counted as dead; it joins again by itself")
    }

    public var description: String {
        hint.map { "\(message); \($0)" } ?? message
    }
}
