/// Something that should start one run.
public struct TriggerEvent: Sendable, Hashable {
    /// Unique for the event within the pipeline: however often it is emitted, by however many workers, it starts one
    /// run. nil if the event has no id: then it starts a run each time it is emitted.
    public var dedupeKey: String?
    /// `trigger` in templates, beside `type`.
    public var payload: ValueObject
    /// The first step's `input`.
    public var input: Value
    /// What the trigger remembers together with the run: both are on disk or neither is. A nil forgets the key.
    public var memory: [String: Value?]
    /// What becomes of the event if it comes again after its run failed or was cancelled.
    public var redelivery: Redelivery
    /// Whether it may come from anybody, so that it must not use up what is there for others: a tenth of
    /// `runs.max_queued` is kept from such events.
    public var isAnonymous: Bool

    /// Whether the run needs what only this machine has, such as a file that arrived here. Where several machines share
    /// the journal, another one takes it only after this machine has had no worker for ten minutes.
    public var isLocal: Bool

    /// What becomes of an event that comes again after its run failed or was cancelled.
    @nonexhaustive public enum Redelivery: Sendable, Hashable {
        /// Nothing: the first run stands for it.
        case same
        /// It starts a new run, which is a retry of the first one.
        case retry
    }
    /// The run that caused the event; nil where none did. A chain of runs that cause each other is at most `runs.chain`
    /// long; beyond that the event is refused with ``TriggerRefusal/Reason/chainTooLong``.
    public var cause: Cause?
    /// When that happened which the event is about, such as the time of a tick, in nanoseconds since 1970. Until the run is
    /// on disk it is the lag of the trigger, which is measured. nil: when the event is emitted.
    public var occurredAt: Int64?

    /// A run that caused an event.
    @nonexhaustive public enum Cause: Sendable, Hashable {
        /// The run of this journal with this id.
        case run(String)
        /// A run of another journal that so many runs led to; see ``StepContext/chain``.
        case foreign(chain: Int)
    }

    /// An event; see the properties.
    public init(
        dedupeKey: String?, payload: ValueObject, input: Value = .null, memory: [String: Value?] = [:],
        redelivery: Redelivery = .same, isAnonymous: Bool = false,
        isLocal: Bool = false, cause: Cause? = nil, occurredAt: Int64? = nil
    ) {
        self.dedupeKey = dedupeKey
        self.payload = payload
        self.input = input
        self.memory = memory
        self.redelivery = redelivery
        self.isAnonymous = isAnonymous
        self.isLocal = isLocal
        self.cause = cause
        self.occurredAt = occurredAt
    }
}

/// What became of an event that was emitted. Its `memory` is on disk in every case.
@nonexhaustive public enum TriggerAcceptance: Sendable, Hashable {
    /// The event started this run.
    case accepted(runID: String)
    /// The event had started this run before.
    case duplicate(runID: String)
    /// The entry's `if` does not hold for the event, so it starts no run.
    case ignored

    /// The run that stands for the event, new or known before; nil for an event that was ignored.
    public var runID: String? {
        switch self {
        case .accepted(let id), .duplicate(let id): id
        case .ignored: nil
        }
    }
}

/// Why an event was not accepted. Nothing of it is on disk; it can be emitted again.
public struct TriggerRefusal: Error, Sendable, Hashable {
    /// The reasons why an event is not accepted.
    @nonexhaustive public enum Reason: Sendable, Hashable {
        /// Too many runs are waiting.
        case overloaded
        /// This process is shutting down.
        case shuttingDown
        /// The runs that led to the event are as many as `runs.chain` allows. Emitting it again is refused as well.
        case chainTooLong
        /// The journal cannot be written, or is moving what it knows of the trigger to another name.
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
    /// It succeeded, with the output of its pipeline.
    case succeeded(output: Value)
    /// It failed, with the code and the message of the error.
    case failed(code: String, message: String)
    /// It was cancelled.
    case cancelled
    /// The run did not begin, because its pipeline was at its limit (`concurrency` with `overlap: skip`).
    case skipped
}

/// What a trigger can see of a run while it goes on. Secrets are masked in it.
@nonexhaustive public enum RunUpdate: Sendable, Hashable {
    /// The step with this id has started.
    case stepStarted(step: String)
    /// A piece of a step's text as it came.
    case text(step: String, String)
    /// A line about what is going on in a step; see ``StepProgress/note(_:)``.
    case note(step: String, String)
    /// The step with this id has ended, whether it succeeded or not.
    case stepEnded(step: String)
}
