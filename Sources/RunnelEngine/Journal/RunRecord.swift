public import RunnelKit

/// The state of a run.
public enum RunState: String, Sendable, Hashable, CaseIterable {
    /// Accepted and on disk, until a worker claims it. Also the state of interrupted runs.
    case queued
    /// A worker works on it.
    case running
    /// Started, and waiting until ``RunRecord/wakeAt``. It has no owner and counts only for the `concurrency` of its
    /// pipeline.
    case waiting
    case succeeded
    /// Finally failed; stored with its input, so that it can be retried.
    case failed
    case cancelled
    /// Never started, because of its pipeline's `overlap: skip`.
    case skipped

    /// Whether the run has ended.
    public var isFinal: Bool {
        switch self {
        case .queued, .running, .waiting: false
        case .succeeded, .failed, .cancelled, .skipped: true
        }
    }
}

/// The journal's record of a run. Secrets in its values are sealed; see ``SecretSeal``.
public struct RunRecord: Sendable, Hashable {
    /// UUIDv7 in lower case.
    public var id: String
    /// The name of the pipeline.
    public var pipeline: String
    /// The version of the pipeline that it began with; see ``Journal/definition(_:)``.
    public var definition: String
    /// Where the run is.
    public var state: RunState
    /// Unique within the pipeline; nil for runs without deduplication.
    public var dedupeKey: String?
    /// `trigger` in templates.
    public var trigger: Value
    package var inputs: ValueObject
    /// The first step's `input`.
    public var input: Value
    /// Nanoseconds since 1970, as are the other times.
    public var createdAt: Int64
    /// When it was claimed first; nil before.
    public var startedAt: Int64?
    package var endedAt: Int64?
    /// The output of a succeeded run.
    public var output: Value?
    /// The error of a failed run; see ``RunError/json``.
    public var error: Value?
    /// The worker that owns it.
    public var owner: WorkerID?
    /// The epoch of its last claim; see ``Lease/epoch``.
    public var epoch: Int64 = 0
    /// How often a worker died or stopped while it owned the run.
    public var interruptions = 0
    /// How often its worker died since its last progress.
    public var deaths = 0
    /// The time at which a waiting run is requeued, and before which a queued one is not claimed; nil if it has never
    /// waited.
    public var wakeAt: Int64?
    /// The time worked on it before its last claim, as far as known.
    public var worked: Duration = .zero
    /// Whether its pipeline has `finally` steps, which run after a cancellation if the run has started.
    public var hasFinally = false
    package var isCancelRequested = false
    /// How far its `finally` is, which decides what a second request to cancel it does.
    package var finallyStage = FinallyStage.notBegun
    /// The run that this one retries.
    public var retryOf: String?
    /// The newest run that retries this one. Read with the run, not stored.
    public var retriedBy: String?
    /// When it is accepted: whether an earlier run with the same dedupe key that failed, was cancelled or skipped gives
    /// the key up and is retried by this one. Not stored.
    public var retriesFailed = false
    /// Among ``RunPriority/levels``: the order among queued runs.
    public var priority = 0
    /// How many runs led to this one, each started by the end of the one before; 0 for a run that no other run caused.
    public var chain = 0
    /// Set if events that arrive in a burst are folded into this run; see ``Journal/accept(_:steps:memory:)``.
    public var debounce: Debounce?
    /// Where the trigger has put what the run was started for; see ``RunSource/json``.
    public var source: Value?
    /// The machine whose files the run needs; nil for any. A journal that is used on one machine alone does not keep it.
    public var host: String?
    /// The errors of the values that the journal has lost. Read with the run, not stored; see ``set(_:_:)``.
    package var lost: [Part: JournalError] = [:]

    /// The lease; nil if it has no owner.
    public var lease: Lease? { owner.map { Lease(runID: id, worker: $0, epoch: epoch) } }

    /// Whether it had started when its worker died or stopped, and has not been claimed again.
    public var isInterrupted: Bool { state == .queued && startedAt != nil && interruptions > 0 }

    /// The displayed state: `interrupted` for a queued run that had started.
    public var stateText: String { isInterrupted ? "interrupted" : state.rawValue }

    /// The time from its first start to its end, or to `now` while it has none, with waits and interruptions. nil before
    /// it has started, and while it is interrupted.
    public func took(now: Int64) -> Duration? {
        guard let startedAt, !isInterrupted else { return nil }
        return .nanoseconds(max(0, (endedAt ?? now) - startedAt))
    }

    /// What started it: the kind of trigger, and which file, path or tick.
    public var cause: String { Self.cause(trigger) }

    /// The same of a trigger's value.
    static func cause(_ trigger: Value) -> String {
        guard let trigger = trigger.asObject, let kind = trigger["type"]?.asString else { return "" }
        let what = ["path", "scheduled_for", "id"].lazy.compactMap { trigger[$0]?.asString }.first
        return SecretSeal.masked(what.map { "\(kind) \($0)" } ?? kind)
    }

    /// The call over HTTP that started it, where its trigger says so with `method` and `path`. Secrets are masked.
    package var call: (method: String, path: String)? {
        guard let method = trigger["method"]?.asString, let path = trigger["path"]?.asString else { return nil }
        return (SecretSeal.masked(method), SecretSeal.masked(path))
    }

    /// A run that has just been accepted, unless a state is given.
    public init(
        id: String, pipeline: String, definition: String, state: RunState = .queued, dedupeKey: String? = nil,
        trigger: Value, inputs: ValueObject = [:], input: Value = .null, createdAt: Int64, retryOf: String? = nil,
        chain: Int = 0
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
        self.chain = chain
    }
}

/// How far the `finally` of a run is, as the journal stores it.
package enum FinallyStage: Int64, Sendable, Hashable {
    case notBegun, begun
    /// Begun, and cancelled by a second request.
    case cancelled
}

/// Folds a burst of trigger events into one run.
public struct Debounce: Sendable, Hashable {
    /// Events of one pipeline with the same key are folded while their run is waiting and has not started.
    public var key: String
    /// The time at which the run is queued at the latest, in nanoseconds since 1970.
    public var latest: Int64
    /// The event as it is listed in `trigger.folded`, shortened. Only while a run is being accepted.
    public var event: Value

    /// The maximum number of events that the journal lists for a run; older ones are only counted.
    public static let maximumEvents = 1000
    /// By how much a run may seem to wait longer than from its first event to ``latest``, in nanoseconds: the clocks of two
    /// machines differ. If it is more, the clock was set back.
    public static let clockTolerance: Int64 = 60_000_000_000
    /// The maximum size of the listed events of a run in bytes of JSON.
    public static let maximumBytes = 512 << 10

    package init(key: String, latest: Int64, event: Value = .null) {
        self.key = key
        self.latest = latest
        self.event = event
    }

    /// `trigger` of a run with the events that were folded into it.
    ///
    /// - Parameters:
    ///   - events: The listed events, oldest first, the last one included.
    ///   - count: The number of all events.
    public static func trigger(_ trigger: Value, events: [Value], count: Int) -> Value {
        guard case .object(var object) = trigger else { return trigger }
        object["count"] = .int(Int64(count))
        object["folded"] = .list(events)
        return .object(object)
    }
}

/// The text of a pipeline's file, as used by runs.
public struct DefinitionRecord: Sendable, Hashable {
    /// SHA-256 in hexadecimal: of the text, and of the pipeline's name where it is that of the file.
    public var hash: String
    /// The name of the pipeline.
    public var pipeline: String
    /// The path of the file that last held it: relative to the project if it is below it.
    public var file: String
    /// The text with secrets sealed.
    public var text: String

    /// The text of a file and its hash.
    public init(hash: String, pipeline: String, file: String, text: String) {
        self.hash = hash
        self.pipeline = pipeline
        self.file = file
        self.text = text
    }
}

/// `priority:` of a pipeline, or of a run: which of the queued runs begins first.
///
/// A queued run rises by one level for each ``aging`` that it waits, so that no run starves. All runs rise at the same
/// pace, so the order of two runs never changes, and ``RunRecord/queueKey`` is fixed when a run is accepted.
public struct RunPriority: FieldValue, Hashable {
    package let level: Int

    /// The levels that can be chosen; 0 is the default.
    public static let levels = -10...10
    /// How long a run waits until it has risen by one level.
    public static let aging = Duration.seconds(600)

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        Int.schema(from: levels.lowerBound, to: levels.upperBound)
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let level = value.asInt.flatMap({ Int(exactly: $0) }), Self.levels.contains(level) else {
            throw .expected(
                "a whole number from \(Self.levels.lowerBound) to \(Self.levels.upperBound)", found: value)
        }
        self.level = level
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .int(Int64(level)) }
}

extension RunRecord {
    /// The key by which queued runs are sorted, in nanoseconds since 1970: the time at which it was accepted, or would
    /// have been accepted if it had the priority 0. The lowest comes first.
    var queueKey: Int64 { createdAt - Int64(priority) * RunPriority.aging.nanoseconds }

    /// Whether it is older than another run. Ids made within a millisecond are in no order.
    func wasAccepted(before other: RunRecord) -> Bool { (createdAt, id) < (other.createdAt, other.id) }

    /// Whether a queued run comes before another one: those that had begun first, then by ``queueKey``.
    func precedes(_ other: RunRecord) -> Bool {
        (startedAt == nil ? 1 : 0, queueKey, id) < (other.startedAt == nil ? 1 : 0, other.queueKey, other.id)
    }
}
