import Logging
public import RunnelKit
import Synchronization

/// Runs a trigger without an engine: its events are kept, its memory is in memory, and runs end when the test says.
public struct TriggerHarness: Sendable {
    public var pipeline = "test"
    public var key = "test"
    public var clock: any Clock<Duration> = ContinuousClock()
    /// Nanoseconds since 1970.
    public var now: @Sendable () -> Int64 = { 0 }
    public var services = Services()
    public var project = ProjectDirectory(path: "/nowhere")
    public let memory = RecordedMemory()
    public let runs: RecordedRuns

    public init() {
        runs = RecordedRuns(memory: memory)
    }

    public var context: TriggerContext {
        TriggerContext(
            pipeline: pipeline, key: key, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
            now: now, services: services, project: project, memory: memory, runs: runs)
    }
}

/// A trigger's memory that lasts as long as the test.
public final class RecordedMemory: TriggerMemory {
    private let values = Mutex<[String: Value]>([:])

    public var all: [String: Value] { values.withLock { $0 } }

    public func value(for key: String) -> Value? { values.withLock { $0[key] } }

    public func values(prefix: String) -> [(key: String, value: Value)] {
        values.withLock { $0.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key } }
    }

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
    public private(set) var cancelled: [String] = []
    public private(set) var health: [TriggerHealth] = []
    private let memory: RecordedMemory
    private var refusal: TriggerRefusal?
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

    public func accept(_ event: TriggerEvent) throws(TriggerRefusal) -> TriggerAcceptance {
        defer { changed() }
        if let refusal { throw refusal }
        memory.set(event.memory)
        if let index = accepted.firstIndex(where: { $0.dedupeKey == event.dedupeKey }) {
            duplicates += 1
            return .duplicate(runID: "run-\(index + 1)")
        }
        accepted.append(event)
        return .accepted(runID: "run-\(accepted.count)")
    }

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

    public func cancel(_ runID: String) {
        cancelled.append(runID)
        changed()
    }

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
