public import RunnelKit

/// A journal that lasts as long as the process: for tests and for runs that need not be kept.
public actor MemoryJournal: Journal {
    private struct Life {
        var record: AgentRecord
        var beatAt: Duration
    }

    private var lives: [AgentID: Life] = [:]
    private var definitions: [String: DefinitionRecord] = [:]
    private var runs: [String: RunRecord] = [:]
    private var dedupe: [String: [String: String]] = [:]
    /// When the keys of runs that were removed are forgotten.
    private var dedupeEnds: [(pipeline: String, key: String, at: Int64)] = []
    private var stepsByRun: [String: [StepRecord]] = [:]
    private var eventsByRun: [String: [Value]] = [:]
    private var memories: [TriggerID: [String: Value]] = [:]
    private var changes: Int64 = 0
    private let elapsed: @Sendable () -> Duration
    public nonisolated let beatInterval: Duration

    /// - Parameters:
    ///   - beatInterval: See ``Journal/beat(_:)``.
    ///   - clock: Tells how long ago an agent said that it lives.
    public init(beatInterval: Duration = .seconds(5), clock: some Clock<Duration> = ContinuousClock()) {
        self.beatInterval = beatInterval
        let stopwatch = clock.measureStart()
        elapsed = { stopwatch.elapsed() }
    }

    // MARK: Agents

    public func join(_ agent: AgentRecord) {
        lives[agent.id] = Life(record: agent, beatAt: elapsed())
    }

    public func beat(_ agent: AgentID) {
        lives[agent]?.beatAt = elapsed()
    }

    public func leave(_ agent: AgentID) {
        lives[agent] = nil
        sendBack { $0.owner == agent }
    }

    public func reap() -> [String] {
        let limit = elapsed() - beatInterval * 3
        for (id, life) in lives where life.beatAt < limit { lives[id] = nil }
        return sendBack { run in run.owner.map { lives[$0] == nil } ?? false }
    }

    @discardableResult private func sendBack(where isMeant: (RunRecord) -> Bool) -> [String] {
        let ids = runs.values.filter { $0.state == .running && isMeant($0) }.map(\.id).sorted()
        for id in ids {
            runs[id]?.state = .queued
            runs[id]?.owner = nil
            runs[id]?.interruptions += 1
        }
        if !ids.isEmpty { changes += 1 }
        return ids
    }

    public func agents() -> [AgentRecord] {
        lives.values.map(\.record).sorted { $0.startedAt < $1.startedAt }
    }

    // MARK: Accepting runs

    public func keep(_ definition: DefinitionRecord) {
        definitions[definition.hash] = definitions[definition.hash] ?? definition
    }

    public func definition(_ hash: String) -> DefinitionRecord? { definitions[hash] }

    public func accept(_ run: RunRecord, memory: MemoryChanges?) -> Acceptance {
        changes += 1
        if let memory { remember(memory.values, of: memory.trigger) }
        if let key = run.dedupeKey {
            if let other = dedupe[run.pipeline]?[key] { return .duplicate(runID: other) }
            dedupe[run.pipeline, default: [:]][key] = run.id
        }
        var run = run
        if run.owner != nil {
            run.state = .running
            run.startedAt = run.startedAt ?? run.createdAt
        }
        runs[run.id] = run
        return .accepted
    }

    // MARK: Working on runs

    public func queued(limit: Int, except pipelines: Set<String>) -> [RunRecord] {
        Array(
            runs.values.filter { $0.state == .queued && !pipelines.contains($0.pipeline) }.sorted { $0.id < $1.id }
                .prefix(limit))
    }

    public func queued(limit: Int) -> [RunRecord] {
        Array(runs.values.filter { $0.state == .queued }.sorted { $0.id < $1.id }.prefix(limit))
    }

    public func queuedCount() -> Int { runs.values.count { $0.state == .queued } }

    public func claim(_ runID: String, by agent: AgentID, limits: RunLimits) -> Claim {
        guard var run = runs[runID] else { return .missing }
        if run.state.isFinal { return .ended(run.state) }
        if let owner = run.owner { return .taken(by: owner) }
        let running = runs.values.filter { $0.state == .running }
        if let total = limits.total, running.count >= total { return .busy }
        if let most = limits.pipeline, running.count(where: { $0.pipeline == run.pipeline }) >= most { return .busy }
        run.state = .running
        run.owner = agent
        run.startedAt = run.startedAt ?? run.createdAt
        runs[runID] = run
        changes += 1
        return .claimed(run)
    }

    public func commit(_ commit: RunCommit, _ durability: Durability) throws(JournalError) {
        guard runs[commit.runID]?.owner == commit.owner else { throw .leaseLost(commit.runID) }
        changes += 1
        for step in commit.steps {
            var steps = stepsByRun[commit.runID, default: []]
            if let index = steps.firstIndex(where: { $0.key == step.key }) {
                steps[index] = step
            } else {
                steps.append(step)
            }
            stepsByRun[commit.runID] = steps
        }
        eventsByRun[commit.runID, default: []] += commit.events
        guard let end = commit.end else { return }
        runs[commit.runID]?.state = end.state
        runs[commit.runID]?.output = end.output
        runs[commit.runID]?.error = end.error
        runs[commit.runID]?.endedAt = end.time
        runs[commit.runID]?.owner = nil
    }

    public func release(_ runIDs: [String], by agent: AgentID) {
        sendBack { runIDs.contains($0.id) && $0.owner == agent }
    }

    public func requestCancel(_ runID: String, at time: Int64) -> CancelAnswer {
        guard let run = runs[runID] else { return .missing }
        if run.state.isFinal { return .ended(run.state) }
        changes += 1
        runs[runID]?.isCancelRequested = true
        guard run.state == .queued else { return .requested }
        runs[runID]?.state = .cancelled
        runs[runID]?.endedAt = time
        return .cancelled
    }

    public func cancelRequests(for agent: AgentID) -> [String] {
        runs.values.filter { $0.owner == agent && $0.isCancelRequested }.map(\.id).sorted()
    }

    // MARK: Looking

    public func version() -> Int64 { changes }

    public func run(_ id: String) -> RunRecord? { runs[id] }

    public func runs(idPrefix: String, limit: Int) -> [RunRecord] {
        Array(runs.values.filter { $0.id.hasPrefix(idPrefix) }.sorted { $0.id < $1.id }.prefix(limit))
    }

    public func runs(_ filter: RunFilter) -> [RunRecord] {
        let found = runs.values.filter { run in
            (filter.states.isEmpty || filter.states.contains(run.state))
                && (filter.pipeline.map { $0 == run.pipeline } ?? true)
                && (filter.since.map { $0 <= run.createdAt } ?? true) && (filter.before.map { run.id < $0 } ?? true)
        }
        return found.sorted { $0.id > $1.id }.prefix(filter.limit).map { run in
            var run = run
            (run.input, run.inputs, run.output) = (.null, [:], nil)
            return run
        }
    }

    public func steps(of runID: String) -> [StepRecord] { stepsByRun[runID] ?? [] }

    public func events(of runID: String, from number: Int, limit: Int) -> [(number: Int, event: Value)] {
        let events = eventsByRun[runID] ?? []
        guard number < events.count else { return [] }
        return events[max(0, number)...].prefix(limit).enumerated().map { (max(0, number) + $0.offset, $0.element) }
    }

    // MARK: Housekeeping

    public func prune(_ retention: Retention, now: Int64, within limit: Duration?) -> PruneReport {
        let ended = runs.values.filter(\.state.isFinal).sorted { ($0.endedAt ?? 0, $0.id) > ($1.endedAt ?? 0, $1.id) }
        var seen: [String: Int] = [:]
        var removed = 0
        for run in ended {
            seen[run.pipeline, default: 0] += 1
            let isOld = retention.age.map { now - (run.endedAt ?? now) > $0.nanoseconds } ?? false
            guard isOld || retention.count.map({ seen[run.pipeline, default: 0] > $0 }) ?? false else { continue }
            runs[run.id] = nil
            stepsByRun[run.id] = nil
            eventsByRun[run.id] = nil
            if let key = run.dedupeKey {
                dedupeEnds.append((run.pipeline, key, (run.endedAt ?? now) + retention.dedupe.nanoseconds))
            }
            removed += 1
        }
        for end in dedupeEnds where end.at < now { dedupe[end.pipeline]?[end.key] = nil }
        dedupeEnds.removeAll { $0.at < now }
        return PruneReport(runs: removed, bytes: 0)
    }

    public func probe() {}
    public func check() -> [String] { [] }
    public func close() {}

    // MARK: Triggers

    public nonisolated func memory(of trigger: TriggerID) -> any TriggerMemory {
        Memory(journal: self, trigger: trigger)
    }

    private struct Memory: TriggerMemory {
        let journal: MemoryJournal
        let trigger: TriggerID

        func value(for key: String) async throws -> Value? { await journal.remembered(by: trigger)[key] }

        func values(prefix: String) async throws -> [(key: String, value: Value)] {
            await journal.remembered(by: trigger).filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
        }

        func set(_ changes: [String: Value?]) async throws { await journal.remember(changes, of: trigger) }
    }

    private func remembered(by trigger: TriggerID) -> [String: Value] { memories[trigger] ?? [:] }

    private func remember(_ values: [String: Value?], of trigger: TriggerID) {
        changes += 1
        for (key, value) in values { memories[trigger, default: [:]][key] = value }
    }
}
