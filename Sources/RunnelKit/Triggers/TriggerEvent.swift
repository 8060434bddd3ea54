/// Something that should start one run.
public struct TriggerEvent: Sendable, Hashable {
    /// Unique for the event within the pipeline: however often it is emitted, by however many workers, it starts one
    /// run.
    public var dedupeKey: String
    /// `trigger` in templates, beside `type`.
    public var payload: ValueObject
    /// The first step's `input`.
    public var input: Value
    /// What the trigger remembers together with the run: both are on disk or neither is. A nil forgets the key.
    public var memory: [String: Value?]

    /// An event; see the properties.
    public init(dedupeKey: String, payload: ValueObject, input: Value = .null, memory: [String: Value?] = [:]) {
        self.dedupeKey = dedupeKey
        self.payload = payload
        self.input = input
        self.memory = memory
    }
}

/// What became of an event that was emitted. Either way there is one run for it, and it is on disk.
@nonexhaustive public enum TriggerAcceptance: Sendable, Hashable {
    /// The event started this run.
    case accepted(runID: String)
    /// The event had started this run before. Its `memory` has been remembered nevertheless.
    case duplicate(runID: String)

    /// The run that stands for the event, new or known before.
    public var runID: String {
        switch self {
        case .accepted(let id), .duplicate(let id): id
        }
    }
}

/// Why an event was not accepted. Nothing of it is on disk; it can be emitted again.
public struct TriggerRefusal: Error, Sendable, Hashable {
    /// Whose fault it is.
    @nonexhaustive public enum Reason: Sendable, Hashable {
        /// Too many runs are waiting.
        case overloaded
        case shuttingDown
        /// The journal cannot be written.
        case journal
    }

    /// Why the event was not accepted.
    public var reason: Reason
    /// The same in a sentence, for the log or the caller.
    public var message: String
    /// When to try again.
    public var retryAfter: Duration

    /// A refusal.
    /// - Parameters:
    ///   - reason: Why the event was not accepted.
    ///   - message: The same in a sentence, for the log or the client.
    ///   - retryAfter: How long to wait before the event is emitted again.
    public init(_ reason: Reason, _ message: String, retryAfter: Duration = .seconds(1)) {
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }
}

/// How a run ended, as its trigger sees it. Secrets are masked in it.
@nonexhaustive public enum RunEnd: Sendable, Hashable {
    case succeeded(output: Value)
    case failed(code: String, message: String)
    case cancelled
}

/// What a trigger can see of a run while it goes on. Secrets are masked in it.
@nonexhaustive public enum RunUpdate: Sendable, Hashable {
    case stepStarted(step: String)
    /// A piece of a step's text as it came.
    case text(step: String, String)
    case note(step: String, String)
    case stepEnded(step: String)
}
