public import RunnelKit

/// How far a run is.
public enum RunState: String, Sendable, Hashable, CaseIterable {
    /// Accepted and on disk, waiting for a process to work on it. A run that was interrupted waits here too.
    case queued
    /// A process works on it.
    case running
    case succeeded
    /// Failed for good; kept with its input, so that it can be sent again.
    case failed
    case cancelled
    /// Never begun, because its pipeline's `overlap: skip` said so.
    case skipped

    public var isFinal: Bool { self != .queued && self != .running }
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
    /// The process that works on it.
    public var owner: AgentID?
    /// How often a process died or stopped while it worked on the run.
    public var interruptions = 0
    public var isCancelRequested = false
    /// The run that this one repeats.
    public var retryOf: String?

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
