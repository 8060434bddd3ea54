import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization

/// A journal whose commits of new runs wait for the gate `commit`, where a test wants that.
struct HeldJournal: Journal {
    var base = MemoryJournal()
    /// nil: nothing waits.
    var gates: Gates?
    /// Counting queued runs waits for the gate `count`, whether or not the asking task is cancelled. nil: nothing waits.
    var countGates: Gates?
    /// What it says of its size.
    var bytes: Int64?
    /// What every question is answered with instead.
    var failure: JournalError?
    /// The error of all memories.
    var memoryFailure: JournalError?
    /// Workers whose processes seem to have ended. Nobody takes over their runs.
    var gone: Set<WorkerID> = []
    /// Counts what is read.
    var reads = Reads()

    final class Reads: Sendable {
        private let counts = Mutex((steps: 0, events: 0, fingerprints: 0, observations: 0))

        fileprivate func steps(_ steps: [StepRecord]) -> [StepRecord] {
            counts.withLock { $0.steps += steps.count }
            return steps
        }

        fileprivate func events(_ events: [(number: Int, event: Value)]) -> [(number: Int, event: Value)] {
            counts.withLock { $0.events += events.count }
            return events
        }

        fileprivate func fingerprint() { counts.withLock { $0.fingerprints += 1 } }
        fileprivate func observation() { counts.withLock { $0.observations += 1 } }

        /// What was read since the last call.
        func take() -> (steps: Int, events: Int, fingerprints: Int, observations: Int) {
            counts.withLock { counts in
                defer { counts = (0, 0, 0, 0) }
                return counts
            }
        }
    }

    func accept(
        _ run: RunRecord, steps: [StepRecord], memory: MemoryChanges?
    ) async throws(JournalError) -> Acceptance {
        // A commit is not given up because whoever asked for it has gone.
        let gates = gates
        _ = await Task { try await gates?.pass("commit") }.result
        if let failure { throw failure }
        return await base.accept(run, steps: steps, memory: memory)
    }

    func queuedCount() async throws(JournalError) -> Int {
        let gates = countGates
        _ = await Task { try await gates?.pass("count") }.result
        if let failure { throw failure }
        return await base.queuedCount()
    }

    func run(_ id: String) async throws(JournalError) -> RunRecord? {
        if let failure { throw failure }
        return await base.run(id)
    }

    func progress(of id: String) async throws(JournalError) -> RunRecord? {
        if let failure { throw failure }
        return await base.progress(of: id)
    }

    func join(_ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64) async {
        await base.join(worker, replacing: former, at: time)
    }

    func beat(_ worker: WorkerID) async -> WorkerRecord? { await base.beat(worker) }
    func leave(_ worker: WorkerID) async { await base.leave(worker) }

    func observe() async -> [WorkerSight] {
        reads.observation()
        return await base.observe().map { sight in
            gone.contains(sight.id) ? WorkerSight(sight.id, beat: sight.beat, .died) : sight
        }
    }

    func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) async -> Takeover {
        await base.takeOver(from: dead.filter { !gone.contains($0.id) }, policy)
    }

    func leases(of worker: WorkerID) async -> [Lease] { await base.leases(of: worker) }
    func workers() async -> [WorkerRecord] { await base.workers() }
    func keep(_ definition: DefinitionRecord) async { await base.keep(definition) }
    func definition(_ hash: String) async -> DefinitionRecord? { await base.definition(hash) }
    func queued(_ search: QueueSearch) async -> [RunRecord] { await base.queued(search) }
    func queuedCounts() async -> [String: Int] { await base.queuedCounts() }
    func queuedSizes() async -> [QueuedSize] { await base.queuedSizes() }
    func oldestQueued() async -> Int64? { await base.oldestQueued() }
    func waitingCount() async -> Int { await base.waitingCount() }

    func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits, at time: Int64?
    ) async throws(JournalError) -> Claim {
        try await base.claim(runID, by: worker, limits: limits, at: time)
    }

    func skipQueued(like run: RunRecord, limit: Int, at time: Int64) async -> [String] {
        await base.skipQueued(like: run, limit: limit, at: time)
    }

    func relocate(_ runID: String, to source: Value, isDue: Bool) async {
        await base.relocate(runID, to: source, isDue: isDue)
    }

    func endedRetries(after runID: String, limit: Int) async -> [String] {
        await base.endedRetries(after: runID, limit: limit)
    }

    func move(memoryOf trigger: TriggerID, to other: TriggerID) async { await base.move(memoryOf: trigger, to: other) }

    func rename(pipeline: String, to name: String, keepingKeysUntil expiry: Int64) async {
        await base.rename(pipeline: pipeline, to: name, keepingKeysUntil: expiry)
    }

    func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError) {
        try await base.commit(commit, durability)
    }

    func ends(after number: Int64, limit: Int) async -> [EndRecord] { await base.ends(after: number, limit: limit) }
    func lastEnd() async -> Int64 { await base.lastEnd() }
    func release(_ leases: [Lease], _ reason: ReleaseReason) async -> [String] { await base.release(leases, reason) }
    func wake(at time: Int64) async -> Waking { await base.wake(at: time) }

    func requestCancel(_ runID: String, mayEndFinally: Bool, at time: Int64) async -> CancelAnswer {
        await base.requestCancel(runID, mayEndFinally: mayEndFinally, at: time)
    }

    func cancelRequests(for worker: WorkerID) async -> [CancelRequest] { await base.cancelRequests(for: worker) }
    func version() async -> Int64 { await base.version() }

    func fingerprint() async -> [Int64] {
        reads.fingerprint()
        return await base.fingerprint()
    }

    func runs(idPrefix: String, limit: Int) async -> [RunRecord] { await base.runs(idPrefix: idPrefix, limit: limit) }
    func runs(_ filter: RunFilter) async -> [RunRecord] { await base.runs(filter) }

    func steps(of runID: String) async -> [StepRecord] { reads.steps(await base.steps(of: runID)) }

    func steps(of runID: String, _ search: StepSearch) async -> StepWindow {
        let window = await base.steps(of: runID, search)
        _ = reads.steps(window.rows + window.open)
        return window
    }

    func step(of runID: String, key: String) async -> StepRecord? {
        let step = await base.step(of: runID, key: key)
        return reads.steps(step.map { [$0] } ?? []).first
    }

    func events(of runID: String, from number: Int, limit: Int) async -> [(number: Int, event: Value)] {
        reads.events(await base.events(of: runID, from: number, limit: limit))
    }

    func lastEvents(of runID: String, limit: Int) async -> [(number: Int, event: Value)] {
        reads.events(await base.lastEvents(of: runID, limit: limit))
    }

    func memory(of uses: String, key: String, at time: Int64) async -> StepMemory {
        await base.memory(of: uses, key: key, at: time)
    }

    func usage(_ query: UsageQuery) async -> [UsageSum] { await base.usage(query) }
    func usage(of runID: String) async -> [UsageSum] { await base.usage(of: runID) }

    func prune(_ retention: Retention, now: Int64, within limit: Duration?) async -> PruneReport {
        await base.prune(retention, now: now, within: limit)
    }

    /// Waits as a write does. How often it was called stands in ``probes()``.
    func probe() async throws(JournalError) {
        try? await Self.counter(base).set(["probes": .int(Int64(await probes() + 1))])
        let gates = gates
        _ = await Task { try await gates?.pass("commit") }.result
        if let failure { throw failure }
    }

    func size() async throws(JournalError) -> Int64? {
        if let failure { throw failure }
        return bytes
    }

    func probes() async -> Int {
        Int((try? await Self.counter(base).value(for: "probes"))??.asInt ?? 0)
    }

    private static func counter(_ journal: MemoryJournal) -> any TriggerMemory {
        journal.memory(of: TriggerID(pipeline: "", key: "test"))
    }

    func check() async -> [JournalDamage] { await base.check() }
    func close() async { await base.close() }
    func memory(of trigger: TriggerID) -> any TriggerMemory {
        memoryFailure.map { FailingMemory(failure: $0) } ?? base.memory(of: trigger)
    }
    var operators: any OperatorRecords { base.operators }
    var deliveries: any DeliveryRecords { failure.map { FailingDeliveries(failure: $0) } ?? base.deliveries }
}

/// Fails in all that is asked of it.
private struct FailingMemory: TriggerMemory {
    let failure: JournalError

    func value(for key: String) async throws -> Value? { throw failure }
    func values(prefix: String) async throws -> [(key: String, value: Value)] { throw failure }
    func set(_ changes: [String: Value?]) async throws { throw failure }
}

/// Fails in all that is asked of it.
private struct FailingDeliveries: DeliveryRecords {
    let failure: JournalError

    func append(_ deliveries: [DeliveryRecord]) async throws(JournalError) { throw failure }
    func deliveries(_ filter: DeliveryFilter) async throws(JournalError) -> [DeliveryRecord] { throw failure }
    func delivery(_ number: Int64) async throws(JournalError) -> DeliveryRecord? { throw failure }
}
