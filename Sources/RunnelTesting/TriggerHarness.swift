import Logging
public import RunnelKit
import Synchronization

/// Runs a trigger without an engine: its events are kept, its memory is in memory, and runs end when the test says.
public struct TriggerHarness: Sendable {
    /// The pipeline's name.
    public var pipeline = "test"
    /// The entry under `on:`.
    public var key = "test"
    /// What the trigger waits on.
    public var clock: any Clock<Duration> = ContinuousClock()
    /// Nanoseconds since 1970.
    public var now: @Sendable () -> Int64 = { 0 }
    /// What the trigger finds through its context.
    public var services = Services()
    /// The project that the trigger works in.
    public var project = ProjectDirectory(path: "/nowhere")
    /// What the trigger remembers.
    public let memory = RecordedMemory()
    /// What the trigger emitted, and the runs that came of it.
    public let runs: RecordedRuns

    /// A harness with an empty memory and no runs.
    public init() {
        runs = RecordedRuns(memory: memory)
    }

    /// When the process began to serve pipelines, in nanoseconds since 1970.
    public var servingSince: Int64 = 0
    private let origins = RunOrigins()

    /// Notes that a run has written a file of the project; see `TriggerContext.origin(of:modified:)`.
    ///
    /// - Parameters:
    ///   - path: Relative to the project's folder.
    ///   - origin: The run.
    ///   - time: When it was written, in nanoseconds since 1970.
    public func wrote(_ path: String, by origin: RunOrigin, at time: Int64) {
        origins.begin(path, by: origin, at: time)
        origins.end(path, by: origin, at: time)
    }

    /// The context to hand to `run`.
    public var context: TriggerContext {
        TriggerContext(
            pipeline: pipeline, key: key, servingSince: servingSince, origins: origins,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
            now: now, services: services, project: project, memory: memory, runs: runs)
    }

    /// The context to hand to `validate(in:)` and `claims(in:)`.
    public var validation: ValidationContext { ValidationContext(pipeline: pipeline, project: project) }

    /// Notifies a trigger that a retry of one of its runs has ended; see `Trigger.retried(_:_:)`.
    ///
    /// - Parameters:
    ///   - trigger: The type of the trigger.
    ///   - source: The source of the run, such as a moved file, as the trigger recorded it; see `RecordedRuns.sources`.
    ///   - end: How the retry ended.
    ///   - runID: The id of the retry.
    ///   - startedAt: When the retry began, in nanoseconds since 1970.
    /// - Returns: The source as the trigger returns it, such as at a new place.
    public func retried<T: Trigger>(
        _ trigger: T.Type, _ source: RunSource, _ end: RunEnd, runID: String = "run-2", startedAt: Int64 = 0
    ) async throws -> RunSource? {
        try await trigger.retried(
            RetriedRun(runID: runID, startedAt: startedAt, end: end, source: source),
            RetryContext(project: project, now: now, logger: context.logger, pipeline: pipeline, origins: origins))
    }

    /// Answers an HTTP request by the route that a trigger serves, as `runnel serve` would.
    ///
    /// Cancelling the task does what a caller does who goes. The path begins with `/hooks/`.
    /// - Throws: An `IngressError` with the status 404 where no trigger serves the path, and what the handler throws.
    public func call(_ request: IngressRequest) async throws -> IngressResponse {
        let ingress = try await services.get(HTTPIngress.self)
        guard request.path.hasPrefix(HTTPIngress.prefix),
            let route = ingress.route(HTTPIngress.place(in: request.path))
        else {
            throw IngressError(
                404, IngressErrorCode.noSuchHook, "there is no hook at \(Value.string(request.path).quoted())")
        }
        return try await ingress.answer(request, by: route)
    }
}

/// A trigger's memory that lasts as long as the test.
public final class RecordedMemory: TriggerMemory {
    private let values = Mutex<[String: Value]>([:])

    /// Everything that is remembered.
    public var all: [String: Value] { values.withLock { $0 } }

    /// What is remembered under the key.
    public func value(for key: String) -> Value? { values.withLock { $0[key] } }

    /// What is remembered under keys that begin so, by key.
    public func values(prefix: String) -> [(key: String, value: Value)] {
        values.withLock { $0.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key } }
    }

    /// Remembers, or forgets where the value is nil.
    public func set(_ changes: [String: Value?]) {
        values.withLock { values in
            for (key, value) in changes { values[key] = value }
        }
    }
}

/// Keeps what a trigger emitted, and plays the runs. An event with a known dedupe key is a duplicate.
public actor RecordedRuns: TriggerRuns {
    /// The events that started a run, in order; their run ids are `run-1`, `run-2`, …
    public private(set) var accepted: [TriggerEvent] = []
    /// How often an event came that had started a run before.
    public private(set) var duplicates = 0
    /// How often an event was refused.
    public private(set) var refusals = 0
    /// The runs that the trigger wanted cancelled, in order.
    public private(set) var cancelled: [String] = []
    /// What the trigger reported, in order.
    public private(set) var health: [TriggerHealth] = []
    private let memory: RecordedMemory
    private var endedRuns: [EndedRun] = []
    private var endDetails: [Int64: ValueObject] = [:]
    private var isIgnoring = false
    /// What every event is refused with; nil while events are accepted.
    package private(set) var refusal: TriggerRefusal?
    private var ends: [String: RunEnd] = [:]
    private var updates: [String: [RunUpdate]] = [:]
    private var changes: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var nextWaiter: UInt64 = 0

    init(memory: RecordedMemory) {
        self.memory = memory
    }

    /// From now on every event is refused; nil: accepted again.
    public func refuse(_ refusal: TriggerRefusal?) {
        self.refusal = refusal
        changed()
    }

    /// From now on every event is ignored, as by an entry's `if` that does not hold.
    public func ignore(_ isIgnoring: Bool = true) {
        self.isIgnoring = isIgnoring
        changed()
    }

    /// Lets a run of any pipeline end, with these details beside its id, pipeline and state.
    public func end(_ run: EndedRun, details: ValueObject = [:]) {
        endedRuns.append(run)
        endDetails[run.number] = details
        changed()
    }

    /// The ends that the test told of.
    public func ends(after number: Int64, limit: Int) -> [EndedRun] {
        Array(endedRuns.filter { $0.number > number }.prefix(limit))
    }

    /// The number of the latest end that the test told of.
    public func lastEnd() -> Int64 { endedRuns.last?.number ?? 0 }

    /// What the test told of the ended run.
    public func details(of end: EndedRun) -> ValueObject {
        var details: ValueObject = [
            "id": .string(end.runID), "pipeline": .string(end.pipeline), "state": .string(end.state.rawValue),
        ]
        for (key, value) in endDetails[end.number] ?? [:] { details[key] = value }
        return details
    }

    /// Lets the run end.
    public func finish(_ runID: String, _ end: RunEnd) {
        ends[runID] = end
        changed()
    }

    /// Lets something happen in the run.
    public func update(_ runID: String, _ update: RunUpdate) {
        updates[runID, default: []].append(update)
        changed()
    }

    /// Waits until this many events were accepted.
    public func waitForAccepted(_ count: Int) async throws {
        try await wait { $0.accepted.count >= count }
    }

    /// Waits until `condition` holds; it is asked again whenever something happened.
    public func wait(until condition: @Sendable (isolated RecordedRuns) -> Bool) async throws {
        while !condition(self) { try await waitForChange() }
    }

    /// Keeps the event, as the engine would accept it.
    /// - Throws: The refusal that was set.
    public func accept(_ event: TriggerEvent) throws(TriggerRefusal) -> TriggerAcceptance {
        defer { changed() }
        if let refusal {
            refusals += 1
            throw refusal
        }
        memory.set(event.memory)
        if isIgnoring { return .ignored }
        if let key = event.dedupeKey, let index = accepted.firstIndex(where: { $0.dedupeKey == key }) {
            duplicates += 1
            return .duplicate(runID: "run-\(index + 1)")
        }
        accepted.append(event)
        return .accepted(runID: "run-\(accepted.count)")
    }

    /// Plays what the test says of the run, and waits for its end.
    public func follow(
        _ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void
    ) async throws -> RunEnd {
        var seen = 0
        while true {
            while seen < updates[runID, default: []].count {
                seen += 1
                await body(updates[runID, default: []][seen - 1])
            }
            if let end = ends[runID] { return end }
            try await waitForChange()
        }
    }

    /// Where the trigger has put what the runs were started for, by run.
    public private(set) var sources: [String: RunSource] = [:]

    /// Keeps the source, if the run was started by the event with this input.
    public func relocate(_ runID: String, from input: Value?, to source: RunSource) {
        guard let number = Int(runID.dropFirst("run-".count)), accepted.indices.contains(number - 1),
            input.map({ $0 == accepted[number - 1].input }) ?? true
        else { return }
        sources[runID] = source
        changed()
    }

    /// Notes that the run was to be cancelled.
    public func cancel(_ runID: String) {
        cancelled.append(runID)
        changed()
    }

    /// Keeps the report.
    public func report(_ health: TriggerHealth) {
        self.health.append(health)
        changed()
    }

    private func changed() {
        let waiting = changes.values
        changes = [:]
        for waiter in waiting { waiter.resume() }
    }

    private func waitForChange() async throws {
        try Task.checkCancellation()
        nextWaiter += 1
        let id = nextWaiter
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume() } else { changes[id] = continuation }
            }
        } onCancel: {
            Task { await self.wake(id) }
        }
        try Task.checkCancellation()
    }

    private func wake(_ id: UInt64) {
        changes.removeValue(forKey: id)?.resume()
    }
}
