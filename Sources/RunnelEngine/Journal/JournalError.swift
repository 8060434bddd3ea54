/// An error of the journal, with a message for operators.
public struct JournalError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is. The text is stable and meant for programs.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code in kebab case, for example `journal-full`.
        public let rawValue: String
        public var description: String { rawValue }

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        /// There is no space left on the disk.
        public static let full = Code("journal-full")
        /// The files cannot be written.
        public static let readOnly = Code("journal-read-only")
        /// The journal, or one value in it, is damaged.
        public static let corrupt = Code("journal-corrupt")
        /// A newer version of Runnel has written the journal.
        public static let newer = Code("journal-newer")
        /// The journal was removed or replaced while it was in use.
        public static let gone = Code("journal-gone")
        /// Another process holds the journal for too long.
        public static let busy = Code("journal-busy")
        /// The database cannot be reached, or refuses the connection.
        public static let unreachable = Code("journal-unreachable")
        /// The journal was closed by this process.
        public static let closed = Code("journal-closed")
        /// Anything else that the disk or the database reports.
        public static let failed = Code("journal-failed")
        /// The run belongs to another worker by now.
        public static let leaseLost = Code("lease-lost")
        /// The journal does not know the worker any more.
        public static let workerUnknown = Code("worker-unknown")
    }

    public var code: Code
    public var message: String
    public var hint: String?

    /// Whether only a value of one run is damaged, and the rest of the journal is intact.
    public var isOfOneRun = false

    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// Another process owns the run; nothing was written.
    public static func leaseLost(_ runID: String) -> JournalError {
        JournalError(
            .leaseLost, "the run \(runID) is now owned by another process",
            hint: "this process was stopped for so long that it was declared dead")
    }

    /// The worker is not registered; nothing was written.
    public static func workerUnknown(_ worker: WorkerID) -> JournalError {
        JournalError(
            .workerUnknown, "the journal no longer knows the worker \(worker)",
            hint: "it was silent for so long that it was declared dead; it joins again automatically")
    }

    public var description: String {
        hint.map { "\(message); \($0)" } ?? message
    }
}
