public import Logging

/// What a trigger may use while it runs.
public struct TriggerContext: Sendable {
    /// The pipeline whose runs the trigger starts.
    public var pipeline: String {
        get { storage.values.pipeline }
        set { values.pipeline = newValue }
    }
    /// The entry under `on:`: `watch`, or `schedule[1]` for the second of several. For messages.
    public var key: String {
        get { storage.values.key }
        set { values.key = newValue }
    }
    /// Identifies the trigger within its pipeline, also when its place under `on:` changes: by the `id` of its entry, or
    /// by ``Trigger/identity()``. Dedupe keys that need it are made with it, and memory is kept by it.
    public var identity: String {
        get { storage.values.identity }
        set { values.identity = newValue }
    }
    /// When this process began to serve pipelines, in nanoseconds since 1970.
    public var servingSince: Int64 {
        get { storage.values.servingSince }
        set { values.servingSince = newValue }
    }
    /// Writes to Runnel's log, with pipeline and trigger attached.
    public var logger: Logger {
        get { storage.values.logger }
        set { values.logger = newValue }
    }
    /// For waiting. A test replaces it, so nothing may sleep by other means.
    public var clock: any Clock<Duration> {
        get { storage.values.clock }
        set { values.clock = newValue }
    }
    /// The time of day: nanoseconds since 1970 (UTC). It may jump.
    public var now: @Sendable () -> Int64 {
        get { storage.values.now }
        set { values.now = newValue }
    }
    /// Masks the secrets of this project in a text.
    public var redactor: Redactor {
        get { storage.values.redactor }
        set { values.redactor = newValue }
    }
    /// Clients and other things that all triggers and steps share.
    public var services: Services {
        get { storage.values.services }
        set { values.services = newValue }
    }
    /// Where the project is.
    public var project: ProjectDirectory {
        get { storage.values.project }
        set { values.project = newValue }
    }
    /// What the trigger remembers from one life of the worker to the next.
    public var memory: any TriggerMemory {
        get { storage.values.memory }
        set { values.memory = newValue }
    }

    private struct Values: Sendable {
        var pipeline: String
        var key: String
        var identity: String
        var servingSince: Int64
        var logger: Logger
        var clock: any Clock<Duration>
        var now: @Sendable () -> Int64
        var redactor: Redactor
        var services: Services
        var project: ProjectDirectory
        var memory: any TriggerMemory
        let runs: any TriggerRuns
        let origins: RunOrigins
    }

    private final class Storage: Sendable {
        let values: Values

        init(_ values: Values) { self.values = values }
    }

    /// On the heap: the async frames of each waiting trigger hold several copies of its context.
    private var storage: Storage

    private var values: Values {
        get { storage.values }
        set { storage = Storage(newValue) }
    }

    private var runs: any TriggerRuns { storage.values.runs }
    private var origins: RunOrigins { storage.values.origins }

    package init(
        pipeline: String, key: String, identity: String? = nil, servingSince: Int64 = 0,
        origins: RunOrigins = RunOrigins(),
        logger: Logger, clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Int64, redactor: Redactor = Redactor(), services: Services,
        project: ProjectDirectory, memory: any TriggerMemory, runs: any TriggerRuns
    ) {
        storage = Storage(
            Values(
                pipeline: pipeline, key: key, identity: identity ?? key, servingSince: servingSince, logger: logger,
                clock: clock, now: now, redactor: redactor, services: services, project: project, memory: memory,
                runs: runs, origins: origins))
    }

    /// Starts a run for the event, unless there is one already. When this returns, the run is on disk.
    ///
    /// Many calls at once share one write to disk, so a burst is emitted from several tasks.
    public func emit(_ event: TriggerEvent) async throws(TriggerRefusal) -> TriggerAcceptance {
        let acceptance = try await runs.accept(event)
        DeliveryNote.current?.note(acceptance)
        return acceptance
    }

    /// Notes that the trigger puts a file of the project somewhere because a run has ended, so that triggers which see it
    /// there know which run it comes from. To be called before the file gets its name.
    ///
    /// - Parameters:
    ///   - path: Relative to the project's folder.
    ///   - modified: The modification time of the file, in nanoseconds since 1970.
    ///   - runID: The run that has ended.
    public func placing(_ path: String, modified: Int64, for runID: String) {
        origins.place(path, by: RunOrigin(pipeline: pipeline, runID: runID, isMoved: true), modified: modified)
    }

    /// The run that a file of the project comes from, if this process knows one; see ``StepContext/writing(_:_:)`` and
    /// ``placing(_:modified:for:)``.
    ///
    /// - Parameters:
    ///   - path: Relative to the project's folder.
    ///   - modified: The modification time of the file, in nanoseconds since 1970. A file that was written to since the run
    ///     is not the run's any more.
    public func origin(of path: String, modified: Int64) -> RunOrigin? {
        origins.origin(of: path, modified: modified)
    }

    /// Notes in the journal where the trigger has put what the run was started for, so that a run that repeats it finds
    /// it there. When that run has ended, ``Trigger/retried(_:_:)`` is called.
    ///
    /// - Parameters:
    ///   - runID: The run.
    ///   - input: The `input` of the event. A run that `debounce` made of several events has that of the last one, and
    ///     only the source of that one is noted. nil if it is certain that the source is that of the run.
    ///   - source: Where it is now.
    public func relocate(_ runID: String, from input: Value? = nil, to source: RunSource) async throws {
        try await runs.relocate(runID, from: input, to: source)
    }

    /// Waits for the run to end, also when it began in an earlier life of the worker.
    ///
    /// - Throws: `CancellationError`, or a ``StepError`` with the code ``StepErrorCode/noSuchRun``.
    public func end(of runID: String) async throws -> RunEnd {
        try await runs.follow(runID) { _ in }
    }

    /// Calls `body` for what goes on in the run from now on, and returns when it has ended. While `body` is busy, what
    /// is not essential may be left out, never the end.
    public func follow(_ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void) async throws -> RunEnd {
        try await runs.follow(runID, body)
    }

    /// Asks for the run to be cancelled.
    public func cancel(_ runID: String) async throws {
        try await runs.cancel(runID)
    }

    /// The ends of runs of all pipelines after this number of the sequence of ends, in order; also of runs that no
    /// server worked on. A reader that keeps the number of the last one it has handled misses none.
    public func ends(after number: Int64, limit: Int = 100) async throws -> [EndedRun] {
        try await runs.ends(after: number, limit: limit)
    }

    /// The number of the latest end; 0 if there is none.
    public func lastEnd() async throws -> Int64 {
        try await runs.lastEnd()
    }

    /// What the journal knows of an ended run, with secrets masked: `id`, `pipeline`, `state`, `error`, `inputs`,
    /// `output`, `trigger`, `created_at`, `started_at`, `ended_at`. The values of a run that retention has removed are
    /// null.
    public func details(of end: EndedRun) async throws -> ValueObject {
        try await runs.details(of: end)
    }

    /// Says how the trigger is doing, for the log and for `runnel status`.
    public func report(_ health: TriggerHealth) async {
        await runs.report(health)
    }
}

/// The end of a run, as one entry of the journal's sequence of ends.
public struct EndedRun: Sendable, Hashable {
    /// A final state of a run.
    @nonexhaustive public enum State: String, Sendable, Hashable {
        /// It succeeded.
        case succeeded
        /// It failed.
        case failed
        /// It was cancelled.
        case cancelled
        /// Never started, because of its pipeline's `overlap: skip`.
        case skipped
    }

    /// The number in the sequence; later ends have higher numbers.
    public var number: Int64
    /// The id of the run.
    public var runID: String
    /// The name of its pipeline.
    public var pipeline: String
    /// How it ended.
    public var state: State
    /// Whether it is the pipeline's first success after a failure.
    public var isRecovery: Bool
    /// In nanoseconds since 1970 (UTC).
    public var endedAt: Int64

    /// An end; see the properties.
    public init(
        number: Int64, runID: String, pipeline: String, state: State, isRecovery: Bool = false, endedAt: Int64 = 0
    ) {
        self.number = number
        self.runID = runID
        self.pipeline = pipeline
        self.state = state
        self.isRecovery = isRecovery
        self.endedAt = endedAt
    }
}

/// How a trigger is doing.
@nonexhaustive public enum TriggerHealth: Sendable, Hashable {
    /// All is well; the text says what it waits for: "next at 2026-11-24T09:00:00+09:00". `translations` says the same on
    /// pages of the dashboard in other languages: `["ja": "…"]`.
    case waiting(String, translations: [String: String] = [:])
    /// Something is wrong that a person has to know; the trigger goes on trying. Like all errors it is in English, also on
    /// the pages, so that it can be found in the log.
    case problem(String)
}

/// Durable memory of one trigger: small values by key. Losing power loses nothing of what was set.
public protocol TriggerMemory: Sendable {
    /// The value of a key; nil if it is not set.
    func value(for key: String) async throws -> Value?
    /// All values whose key begins with `prefix`, by key.
    func values(prefix: String) async throws -> [(key: String, value: Value)]
    /// The first of these values whose key comes after another one, in the order of the keys' UTF-8.
    func values(prefix: String, after key: String?, limit: Int) async throws -> [(key: String, value: Value)]
    /// Sets all of these together; nil forgets the key.
    func set(_ changes: [String: Value?]) async throws
}

extension TriggerMemory {
    /// Picks them out of all values.
    public func values(
        prefix: String, after key: String?, limit: Int
    ) async throws -> [(key: String, value: Value)] {
        let later = try await values(prefix: prefix).filter { found in
            key.map { $0.utf8.lexicographicallyPrecedes(found.key.utf8) } ?? true
        }
        return Array(later.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.prefix(max(0, limit)))
    }
}

/// The engine, as a trigger needs it.
package protocol TriggerRuns: Sendable {
    func accept(_ event: TriggerEvent) async throws(TriggerRefusal) -> TriggerAcceptance
    func follow(_ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void) async throws -> RunEnd
    func cancel(_ runID: String) async throws
    func relocate(_ runID: String, from input: Value?, to source: RunSource) async throws
    func report(_ health: TriggerHealth) async
    func ends(after number: Int64, limit: Int) async throws -> [EndedRun]
    func lastEnd() async throws -> Int64
    func details(of end: EndedRun) async throws -> ValueObject
}

extension TriggerRuns {
    package func ends(after number: Int64, limit: Int) async throws -> [EndedRun] { [] }
    package func lastEnd() async throws -> Int64 { 0 }
    package func details(of end: EndedRun) async throws -> ValueObject { [:] }
}
