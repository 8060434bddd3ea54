public import RunnelKit

/// How far a run is.
public enum RunState: String, Sendable, Hashable, CaseIterable {
    /// Accepted and on disk, until a worker claims it. A run that was interrupted stands here too.
    case queued
    /// A worker works on it.
    case running
    /// Begun, and resting until ``RunRecord/wakeAt``. It belongs to no worker and counts for no limit but the
    /// `concurrency` of its pipeline.
    case waiting
    case succeeded
    /// Failed for good; kept with its input, so that it can be sent again.
    case failed
    case cancelled
    /// Never begun, because its pipeline's `overlap: skip` said so.
    case skipped

    public var isFinal: Bool {
        switch self {
        case .queued, .running, .waiting: false
        case .succeeded, .failed, .cancelled, .skipped: true
        }
    }
}

/// A run as the journal keeps it. Secrets in its values are sealed; see ``SecretSeal``.
public struct RunRecord: Sendable, Hashable {
    /// UUIDv7 in lower case.
    public var id: String
    public var pipeline: String
    /// The pipeline as it was when the run was accepted, by the SHA-256 of its file; see ``Journal/definition(_:)``.
    public var definition: String
    public var state: RunState
    /// Unique within the pipeline; nil for runs that nothing can start twice.
    public var dedupeKey: String?
    /// `trigger` in templates.
    public var trigger: Value
    public var inputs: ValueObject
    /// The first step's `input`.
    public var input: Value
    /// Nanoseconds since 1970, as are the other times.
    public var createdAt: Int64
    public var startedAt: Int64?
    public var endedAt: Int64?
    /// What the run produced, once it succeeded.
    public var output: Value?
    /// Why it failed; see ``RunError/json``.
    public var error: Value?
    /// The worker that works on it.
    public var owner: WorkerID?
    /// Of its last claim; see ``Lease/epoch``.
    public var epoch: Int64 = 0
    /// How often a worker died or stopped while it worked on the run.
    public var interruptions = 0
    /// How often its worker died since a step of it ended.
    public var deaths = 0
    /// A waiting run goes back to the queue at this time; a queued one is not claimed before. nil for a run that has
    /// never waited.
    public var wakeAt: Int64?
    /// How long it was worked on before its last claim, as far as it is known.
    public var worked: Duration = .zero
    /// Whether its pipeline has steps under `finally`, which a cancellation does not pass by once the run has begun.
    public var hasFinally = false
    public var isCancelRequested = false
    /// The run that this one repeats.
    public var retryOf: String?

    /// nil while it belongs to no worker.
    public var lease: Lease? { owner.map { Lease(runID: id, worker: $0, epoch: epoch) } }

    /// Whether it had begun when its worker died or stopped, and is not worked on yet.
    public var isInterrupted: Bool { state == .queued && startedAt != nil && interruptions > 0 }

    /// The state as people see it: `interrupted` for a queued run that had begun and whose worker died or stopped.
    public var stateText: String { isInterrupted ? "interrupted" : state.rawValue }

    public init(
        id: String, pipeline: String, definition: String, state: RunState = .queued, dedupeKey: String? = nil,
        trigger: Value, inputs: ValueObject = [:], input: Value = .null, createdAt: Int64, retryOf: String? = nil
    ) {
        self.id = id
        self.pipeline = pipeline
        self.definition = definition
        self.state = state
        self.dedupeKey = dedupeKey
        self.trigger = trigger
        self.inputs = inputs
        self.input = input
        self.createdAt = createdAt
        self.retryOf = retryOf
    }
}

/// The text of a pipeline's file as a run began with it.
public struct DefinitionRecord: Sendable, Hashable {
    /// SHA-256 of the file, in hexadecimal.
    public var hash: String
    public var pipeline: String
    /// The file's path as it is shown in messages.
    public var file: String
    /// Sealed.
    public var text: String

    public init(hash: String, pipeline: String, file: String, text: String) {
        self.hash = hash
        self.pipeline = pipeline
        self.file = file
        self.text = text
    }
}
