import RunnelEngine
import RunnelKit
import Synchronization

/// A journal whose writes and reads fail when they are told to.
struct FaultyJournal: Journal {
    final class Faults: Sendable {
        struct Plan: Sendable {
            var writes: JournalError?
            var reads: JournalError?
            /// Of commits alone.
            var commits: JournalError?
            /// Of waking waiting runs alone.
            var wakes: JournalError?
            /// Of reading pipelines alone.
            var definitions: JournalError?
            /// Claims of these runs are written, and reported as failed.
            var lostClaims: Set<String> = []
        }

        private let plan = Mutex(Plan())
        /// How often a run was claimed, in vain or not.
        let claims = Mutex(0)
        /// How often waiting runs were to be woken, in vain or not.
        let wakes = Mutex(0)

        var now: Plan { plan.withLock(\.self) }
        func set(_ change: (inout Plan) -> Void) { plan.withLock { change(&$0) } }
    }

    static let full = JournalError(.full, "there is no space left to write journal.db")

    let base: any Journal
    let executor: IdleExecutor
    let faults = Faults()

    /// Begins a call that writes; the caller ends it.
    private func write() throws(JournalError) {
        if let error = faults.now.writes { throw error }
        executor.beginCall()
    }

    /// Begins a call that reads; the caller ends it.
    private func read() throws(JournalError) {
        if let error = faults.now.reads { throw error }
        executor.beginCall()
    }

    func join(_ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64) async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.join(worker, replacing: former, at: time)
    }

    func beat(_ worker: WorkerID) async throws(JournalError) -> WorkerRecord? {
        try write()
        defer { executor.endCall() }
        return try await base.beat(worker)
    }

    func leave(_ worker: WorkerID) async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.leave(worker)
    }

    func observe() async throws(JournalError) -> [WorkerSight] {
        try read()
        defer { executor.endCall() }
        return try await base.observe()
    }

    func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) async throws(JournalError) -> Takeover {
        try write()
        defer { executor.endCall() }
        return try await base.takeOver(from: dead, policy)
    }

    func workers() async throws(JournalError) -> [WorkerRecord] {
        try read()
        defer { executor.endCall() }
        return try await base.workers()
    }

    func leases(of worker: WorkerID) async throws(JournalError) -> [Lease] {
        try read()
        defer { executor.endCall() }
        return try await base.leases(of: worker)
    }

    func keep(_ definition: DefinitionRecord) async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.keep(definition)
    }

    func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord? {
        if let error = faults.now.definitions { throw error }
        try read()
        defer { executor.endCall() }
        return try await base.definition(hash)
    }

    func accept(
        _ run: RunRecord, steps: [StepRecord], memory: MemoryChanges?
    ) async throws(JournalError) -> Acceptance {
        try write()
        defer { executor.endCall() }
        return try await base.accept(run, steps: steps, memory: memory)
    }

    func queued(_ search: QueueSearch) async throws(JournalError) -> [RunRecord] {
        try read()
        defer { executor.endCall() }
        return try await base.queued(search)
    }

    func oldestQueued() async throws(JournalError) -> Int64? {
        try read()
        defer { executor.endCall() }
        return try await base.oldestQueued()
    }

    func queuedCount() async throws(JournalError) -> Int {
        try read()
        defer { executor.endCall() }
        return try await base.queuedCount()
    }

    func queuedCounts() async throws(JournalError) -> [String: Int] {
        try read()
        defer { executor.endCall() }
        return try await base.queuedCounts()
    }

    func queuedSizes() async throws(JournalError) -> [QueuedSize] {
        try read()
        defer { executor.endCall() }
        return try await base.queuedSizes()
    }

    func waitingCount() async throws(JournalError) -> Int {
        try read()
        defer { executor.endCall() }
        return try await base.waitingCount()
    }

    func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits, at time: Int64?
    ) async throws(JournalError) -> Claim {
        try write()
        defer { executor.endCall() }
        faults.claims.withLock { $0 += 1 }
        let claim = try await base.claim(runID, by: worker, limits: limits, at: time)
        if faults.now.lostClaims.contains(runID), case .claimed = claim {
            throw JournalError(.failed, "Input/output error")
        }
        return claim
    }

    func skipQueued(like run: RunRecord, limit: Int, at time: Int64) async throws(JournalError) -> [String] {
        try write()
        defer { executor.endCall() }
        return try await base.skipQueued(like: run, limit: limit, at: time)
    }

    func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError) {
        if let error = faults.now.commits { throw error }
        try write()
        defer { executor.endCall() }
        try await base.commit(commit, durability)
    }

    func release(_ leases: [Lease], _ reason: ReleaseReason) async throws(JournalError) -> [String] {
        try write()
        defer { executor.endCall() }
        return try await base.release(leases, reason)
    }

    func wake(at time: Int64) async throws(JournalError) -> Waking {
        faults.wakes.withLock { $0 += 1 }
        if let error = faults.now.wakes { throw error }
        try read()
        defer { executor.endCall() }
        return try await base.wake(at: time)
    }

    func requestCancel(
        _ runID: String, mayEndFinally: Bool, at time: Int64
    ) async throws(JournalError) -> CancelAnswer {
        try write()
        defer { executor.endCall() }
        return try await base.requestCancel(runID, mayEndFinally: mayEndFinally, at: time)
    }

    func cancelRequests(for worker: WorkerID) async throws(JournalError) -> [CancelRequest] {
        try read()
        defer { executor.endCall() }
        return try await base.cancelRequests(for: worker)
    }

    func ends(after number: Int64, limit: Int) async throws(JournalError) -> [EndRecord] {
        try read()
        defer { executor.endCall() }
        return try await base.ends(after: number, limit: limit)
    }

    func lastEnd() async throws(JournalError) -> Int64 {
        try read()
        defer { executor.endCall() }
        return try await base.lastEnd()
    }

    func version() async throws(JournalError) -> Int64 {
        try read()
        defer { executor.endCall() }
        return try await base.version()
    }

    func fingerprint() async throws(JournalError) -> [Int64] {
        try read()
        defer { executor.endCall() }
        return try await base.fingerprint()
    }

    func run(_ id: String) async throws(JournalError) -> RunRecord? {
        try read()
        defer { executor.endCall() }
        return try await base.run(id)
    }

    func progress(of id: String) async throws(JournalError) -> RunRecord? {
        try read()
        defer { executor.endCall() }
        return try await base.progress(of: id)
    }

    func runs(idPrefix: String, limit: Int) async throws(JournalError) -> [RunRecord] {
        try read()
        defer { executor.endCall() }
        return try await base.runs(idPrefix: idPrefix, limit: limit)
    }

    func runs(_ filter: RunFilter) async throws(JournalError) -> [RunRecord] {
        try read()
        defer { executor.endCall() }
        return try await base.runs(filter)
    }

    func steps(of runID: String) async throws(JournalError) -> [StepRecord] {
        try read()
        defer { executor.endCall() }
        return try await base.steps(of: runID)
    }

    func steps(of runID: String, _ search: StepSearch) async throws(JournalError) -> StepWindow {
        try read()
        defer { executor.endCall() }
        return try await base.steps(of: runID, search)
    }

    func step(of runID: String, key: String) async throws(JournalError) -> StepRecord? {
        try read()
        defer { executor.endCall() }
        return try await base.step(of: runID, key: key)
    }

    func events(
        of runID: String, from number: Int, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        try read()
        defer { executor.endCall() }
        return try await base.events(of: runID, from: number, limit: limit)
    }

    func lastEvents(
        of runID: String, limit: Int
    ) async throws(JournalError) -> [(number: Int, event: Value)] {
        try read()
        defer { executor.endCall() }
        return try await base.lastEvents(of: runID, limit: limit)
    }

    func memory(of uses: String, key: String, at time: Int64) async throws(JournalError) -> StepMemory {
        try read()
        defer { executor.endCall() }
        return try await base.memory(of: uses, key: key, at: time)
    }

    func usage(_ query: UsageQuery) async throws(JournalError) -> [UsageSum] {
        try read()
        defer { executor.endCall() }
        return try await base.usage(query)
    }

    func usage(of runID: String) async throws(JournalError) -> [UsageSum] {
        try read()
        defer { executor.endCall() }
        return try await base.usage(of: runID)
    }

    func prune(_ retention: Retention, now: Int64, within limit: Duration?) async throws(JournalError) -> PruneReport {
        try write()
        defer { executor.endCall() }
        return try await base.prune(retention, now: now, within: limit)
    }

    func probe() async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.probe()
    }

    func relocate(_ runID: String, to source: Value, isDue: Bool) async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.relocate(runID, to: source, isDue: isDue)
    }

    func endedRetries(after runID: String, limit: Int) async throws(JournalError) -> [String] {
        try read()
        defer { executor.endCall() }
        return try await base.endedRetries(after: runID, limit: limit)
    }

    func move(memoryOf trigger: TriggerID, to other: TriggerID) async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.move(memoryOf: trigger, to: other)
    }

    func rename(pipeline: String, to name: String, keepingKeysUntil expiry: Int64) async throws(JournalError) {
        try write()
        defer { executor.endCall() }
        try await base.rename(pipeline: pipeline, to: name, keepingKeysUntil: expiry)
    }

    func check() async throws(JournalError) -> [JournalDamage] { try await base.check() }
    func close() async { await base.close() }

    func memory(of trigger: TriggerID) -> any TriggerMemory {
        Memory(base: base.memory(of: trigger), journal: self)
    }

    private struct Memory: TriggerMemory {
        let base: any TriggerMemory
        let journal: FaultyJournal

        func value(for key: String) async throws -> Value? {
            try journal.read()
            defer { journal.executor.endCall() }
            return try await base.value(for: key)
        }

        func values(prefix: String) async throws -> [(key: String, value: Value)] {
            try journal.read()
            defer { journal.executor.endCall() }
            return try await base.values(prefix: prefix)
        }

        func set(_ changes: [String: Value?]) async throws {
            try journal.write()
            defer { journal.executor.endCall() }
            try await base.set(changes)
        }
    }

    var operators: any OperatorRecords { base.operators }
    var deliveries: any DeliveryRecords { base.deliveries }
}
