package import RunnelKit

/// An in-memory journal, for tests and for runs that are not kept.
package actor MemoryJournal: Journal {
    private var workersByID: [WorkerID: WorkerRecord] = [:]
    /// The last heartbeat of each worker.
    private var beatenAt: [WorkerID: ContinuousClock.Instant] = [:]
    private var epoch: Int64 = 0
    private var definitions: [String: DefinitionRecord] = [:]
    private var runs: [String: RunRecord] = [:]
    /// The number of takeovers of each run since its last progress.
    private var takeovers: [String: Int] = [:]
    private var dedupe: [String: [String: String]] = [:]
    /// Removed runs that failed, were cancelled or skipped.
    private var failedKeys: Set<String> = []
    /// The expiry times of dedupe keys of removed runs.
    private var dedupeEnds: [(pipeline: String, key: String, at: Int64)] = []
    private var stepsByRun: [String: [StepRecord]] = [:]
    private var eventsByRun: [String: [Value]] = [:]
    /// The runs whose ``RunRecord/source`` is due.
    private var dueSources: Set<String> = []
    private var memories: [TriggerID: [String: Value]] = [:]
    private var usageEntries: [UsageEntry] = []
    private var stepMemories: [String: [String: (memory: StepMemory, expiresAt: Int64)]] = [:]
    private var changes: Int64 = 0
    /// Writes that change nothing that people look at; see ``fingerprint()``.
    private var quietChanges: Int64 = 0
    private let deliveryLog = MemoryDeliveryRecords()
    /// Ends before this time are in no count by hour any more; nanoseconds since 1970.
    private(set) var countedSince: Int64 = .min
    private let operatorLog = MemoryOperatorRecords.Log()
    private var endRecords: [EndRecord] = []
    /// The pipelines whose last run that succeeded or failed has failed.
    private var failing: Set<String> = []
    /// The listed events of runs with ``RunRecord/debounce``, and the number of all.
    private var folded: [String: (events: [Value], count: Int, keys: [String])] = [:]

    package init() {}

    // MARK: Workers

    package func join(_ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64) {
        var worker = worker
        for id in former {
            if workersByID[id]?.isDrained ?? false { worker.isDrained = true }
            forget(id)
            sendBack(.broken(now: time)) { $0.owner == id }
        }
        worker.beat = 0
        changes += 1
        workersByID[worker.id] = worker
        beatenAt[worker.id] = .now
    }

    package func beat(_ worker: WorkerID) -> WorkerRecord? {
        guard workersByID[worker] != nil else { return nil }
        quietChanges += 1
        workersByID[worker]?.beat += 1
        beatenAt[worker] = .now
        return workersByID[worker]
    }

    package func leave(_ worker: WorkerID) {
        forget(worker)
        sendBack(.stopped) { $0.owner == worker }
    }

    private func forget(_ worker: WorkerID) {
        changes += 1
        (workersByID[worker], beatenAt[worker]) = (nil, nil)
    }

    func setWorker(_ worker: WorkerID, isDrained: Bool) -> Bool {
        guard workersByID[worker] != nil else { return false }
        workersByID[worker]?.isDrained = isDrained
        changes += 1
        return true
    }

    package func observe() -> [WorkerSight] {
        let strays = Set(runs.values.compactMap(\.owner)).filter { workersByID[$0] == nil }
        return workersByID.map { WorkerSight($0.key, beat: $0.value.beat, .present) }.sorted { $0.id.text < $1.id.text }
            + strays.map { WorkerSight($0, beat: -1, .left) }.sorted { $0.id.text < $1.id.text }
    }

    package func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) -> Takeover {
        var takeover = Takeover()
        for sight in dead {
            if let worker = workersByID[sight.id], sight.presence == .left || worker.beat != sight.beat { continue }
            forget(sight.id)
            for run in runs.values.filter({ $0.owner == sight.id }).sorted(by: { $0.id < $1.id }) {
                let deaths = run.deaths + (sight.presence == .died ? 1 : 0)
                runs[run.id]?.deaths = deaths
                sendBack(.broken(now: policy.now)) { $0.id == run.id }
                guard deaths > policy.deaths else {
                    takeover.queued.append(run.id)
                    continue
                }
                let going = (stepsByRun[run.id] ?? []).filter { $0.state == .running }.map(\.key.description)
                runs[run.id]?.state = .failed
                runs[run.id]?.error = RunError.killedItsWorker(run.id, deaths: deaths, steps: going).json
                runs[run.id]?.endedAt = policy.now
                noteEnd(of: run.id)
                takeover.failed.append(run.id)
            }
        }
        return takeover
    }

    @discardableResult private func sendBack(
        _ reason: ReleaseReason, where isMeant: (RunRecord) -> Bool
    ) -> [String] {
        let ids = runs.values.filter { $0.state == .running && isMeant($0) }.map(\.id).sorted()
        for id in ids {
            runs[id]?.state = .queued
            runs[id]?.owner = nil
            runs[id]?.interruptions += 1
            guard case .broken(let now) = reason else { continue }
            takeovers[id, default: 0] += 1
            let pause = TakeoverPolicy.pause(afterTakeovers: takeovers[id] ?? 1)
            runs[id]?.wakeAt = now + pause.nanoseconds
        }
        if !ids.isEmpty { changes += 1 }
        return ids
    }

    package func workers() -> [WorkerRecord] {
        workersByID.values.map { worker in
            var worker = worker
            worker.silence = beatenAt[worker.id]?.duration(to: .now) ?? .zero
            return worker
        }.sorted { ($0.startedAt, $0.id.text) < ($1.startedAt, $1.id.text) }
    }

    package func leases(of worker: WorkerID) -> [Lease] {
        runs.values.filter { $0.owner == worker }.compactMap(\.lease).sorted { $0.runID < $1.runID }
    }

    // MARK: Accepting runs

    package func keep(_ definition: DefinitionRecord) {
        var kept = definitions[definition.hash] ?? definition
        kept.file = definition.file
        definitions[definition.hash] = kept
    }

    package func definition(_ hash: String) -> DefinitionRecord? { definitions[hash] }

    package func accept(_ run: RunRecord, memory: MemoryChanges?) async -> Acceptance {
        accept(run, steps: [], memory: memory)
    }

    private static func mayBeRetried(_ run: RunRecord) -> Bool { run.state.isFinal && run.state != .succeeded }

    package func accept(_ run: RunRecord, steps: [StepRecord], memory: MemoryChanges?) -> Acceptance {
        var run = run
        changes += 1
        if let memory { remember(memory.values, of: memory.trigger) }
        if let key = run.dedupeKey {
            if let other = dedupe[run.pipeline]?[key] {
                guard run.retriesFailed, failedKeys.contains(other) || runs[other].map(Self.mayBeRetried) ?? false
                else {
                    return .duplicate(runID: other)
                }
                runs[other]?.dedupeKey = nil
                run.retryOf = other
            }
            dedupe[run.pipeline, default: [:]][key] = run.id
        }
        if let debounce = run.debounce { return fold(run, debounce) }
        if !steps.isEmpty { stepsByRun[run.id] = steps }
        if run.isSourceDue { dueSources.insert(run.id) }
        if let old = run.retryOf, let newest = runs[old].map({ max($0.retriedBy ?? "", run.id) }) {
            runs[old]?.retriedBy = newest
        }
        guard let owner = run.owner, workersByID[owner] != nil else {
            if run.owner != nil { (run.owner, run.state, run.startedAt) = (nil, .queued, nil) }
            runs[run.id] = run
            return .accepted
        }
        runs[run.id] = run
        begin(run.id, by: owner, at: nil)
        return .claimed(epoch: epoch)
    }

    private func fold(_ run: RunRecord, _ debounce: Debounce) -> Acceptance {
        let other = runs.values.first {
            $0.pipeline == run.pipeline && $0.debounce?.key == debounce.key && $0.state == .waiting
                && $0.startedAt == nil
        }
        let id = other?.id ?? run.id
        if var other, let latest = other.debounce?.latest {
            (other.trigger, other.inputs, other.input) = (run.trigger, run.inputs, run.input)
            (other.definition, other.hasFinally, other.priority) = (run.definition, run.hasFinally, run.priority)
            other.chain = max(other.chain, run.chain)
            other.wakeAt = min(run.wakeAt ?? 0, latest)
            runs[id] = other
            if let key = run.dedupeKey { dedupe[run.pipeline, default: [:]][key] = id }
        } else {
            runs[id] = run
            runs[id]?.debounce?.event = .null
        }
        var (events, count, keys) = folded[id] ?? ([], 0, [])
        events.append(debounce.event)
        while events.count > Debounce.maximumEvents
            || events.reduce(0, { $0 + $1.json().utf8.count }) > Debounce.maximumBytes, events.count > 1
        {
            events.removeFirst()
        }
        if other != nil, let key = run.dedupeKey { keys.append(key) }
        folded[id] = (events, count + 1, keys)
        return other == nil ? .accepted : .folded(into: id)
    }

    /// The run with the events that were folded into it.
    private func whole(_ run: RunRecord) -> RunRecord {
        guard let (events, count, _) = folded[run.id] else { return run }
        var run = run
        run.trigger = Debounce.trigger(run.trigger, events: events, count: count)
        return run
    }

    // MARK: Working on runs

    package func queued(_ search: QueueSearch) -> [RunRecord] {
        func mayBeClaimed(_ run: RunRecord) -> Bool {
            guard let now = search.now, let wakeAt = run.wakeAt else { return true }
            return wakeAt <= now || wakeAt > now + TakeoverPolicy.longestPause
        }
        let found = runs.values.filter { run in
            run.state == .queued && !search.except.contains(run.pipeline) && search.deaths.contains(run.deaths)
                && mayBeClaimed(run)
        }
        return Array(found.sorted { $0.precedes($1) }.prefix(search.limit))
    }

    package func queuedCount() -> Int { runs.values.count { $0.state == .queued } }

    package func queuedCounts() -> [String: Int] {
        Dictionary(grouping: runs.values.filter { $0.state == .queued }, by: \.pipeline).mapValues(\.count)
    }

    package func queuedSizes() -> [QueuedSize] {
        Dictionary(grouping: runs.values.filter { $0.state == .queued }, by: \.pipeline).map { pipeline, runs in
            QueuedSize(
                pipeline: pipeline, count: runs.count, bytes: runs.reduce(0) { $0 + whole($1).startSize })
        }
    }

    package func oldestQueued() -> Int64? {
        runs.values.filter { $0.state == .queued && $0.startedAt == nil }.map(\.createdAt).min()
    }

    package func waitingCount() -> Int { runs.values.count { $0.state == .waiting } }

    package func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits, at time: Int64?
    ) throws(JournalError) -> Claim {
        guard let run = runs[runID] else { return .missing }
        if run.state.isFinal { return .ended(run.state) }
        if let owner = run.owner { return .taken(by: owner) }
        if run.state == .waiting { return .waiting(until: run.wakeAt ?? 0) }
        if let total = limits.total, runs.values.count(where: { $0.state == .running }) >= total { return .full }
        if let most = limits.pipeline, held(in: run) >= most { return .busy }
        guard workersByID[worker] != nil else { throw .workerUnknown(worker) }
        begin(runID, by: worker, at: time)
        return runs[runID].map { .claimed(whole($0)) } ?? .missing
    }

    /// The number of other runs that count for the limit of the run's pipeline: running ones and, for a run that has
    /// not started, also interrupted and waiting ones.
    private func held(in run: RunRecord) -> Int {
        runs.values.count { other in
            guard other.pipeline == run.pipeline, other.id != run.id else { return false }
            if other.state == .running { return true }
            return run.startedAt == nil && !other.state.isFinal && other.startedAt != nil
        }
    }

    package func skipQueued(like run: RunRecord, limit: Int, at time: Int64) -> [String] {
        let held = runs.values.count {
            $0.pipeline == run.pipeline && !$0.state.isFinal && $0.startedAt != nil
        }
        guard held >= limit else { return [] }
        let skipped = runs.values.filter {
            $0.state == .queued && $0.startedAt == nil && $0.pipeline == run.pipeline
                && $0.definition == run.definition
        }.map(\.id).sorted().prefix(QueueSearch.maximumSkipped)
        for id in skipped {
            runs[id]?.state = .skipped
            runs[id]?.endedAt = time
            noteEnd(of: id)
        }
        if !skipped.isEmpty { changes += 1 }
        return Array(skipped)
    }

    private func begin(_ runID: String, by worker: WorkerID, at time: Int64?) {
        guard var run = runs[runID] else { return }
        epoch += 1
        changes += 1
        (run.state, run.owner, run.epoch) = (.running, worker, epoch)
        run.startedAt = run.startedAt ?? time ?? run.createdAt
        runs[runID] = run
    }

    package func commit(_ commit: RunCommit, _ durability: Durability) throws(JournalError) {
        guard runs[commit.runID]?.lease == commit.lease else { throw .leaseLost(commit.runID) }
        changes += 1
        for update in commit.updates {
            guard let index = stepsByRun[commit.runID]?.firstIndex(where: { $0.key == update.key }) else { continue }
            stepsByRun[commit.runID]?[index].add(update)
        }
        usageEntries += commit.usage.map { entry in
            var entry = entry
            entry.runID = commit.runID
            return entry
        }
        for edit in commit.memories { apply(edit) }
        for var step in commit.steps {
            var steps = stepsByRun[commit.runID, default: []]
            if let index = steps.firstIndex(where: { $0.key == step.key }) {
                step.keep(steps[index])
                steps[index] = step
            } else {
                steps.append(step)
            }
            stepsByRun[commit.runID] = steps
        }
        eventsByRun[commit.runID, default: []] += commit.events
        if commit.isProgress {
            runs[commit.runID]?.deaths = 0
            takeovers[commit.runID] = nil
        }
        if let worked = commit.worked { runs[commit.runID]?.worked = worked }
        if commit.beginsFinally, runs[commit.runID]?.finallyStage == .notBegun {
            runs[commit.runID]?.finallyStage = .begun
        }
        if let wakeAt = commit.wakeAt {
            // A cancellation may have been requested meanwhile. The first one leaves `finally` alone.
            let isDue = runs[commit.runID].map { $0.isCancelRequested && $0.finallyStage != .begun } ?? false
            runs[commit.runID]?.state = isDue ? .queued : .waiting
            runs[commit.runID]?.wakeAt = isDue ? 0 : wakeAt
            runs[commit.runID]?.owner = nil
        }
        guard let end = commit.end else { return }
        runs[commit.runID]?.state = end.state
        runs[commit.runID]?.output = end.output
        runs[commit.runID]?.error = end.error
        runs[commit.runID]?.endedAt = end.time
        runs[commit.runID]?.owner = nil
        noteEnd(of: commit.runID)
    }

    package func release(_ leases: [Lease], _ reason: ReleaseReason) -> [String] {
        sendBack(reason) { run in run.lease.map(leases.contains) ?? false }
    }

    package func wake(at time: Int64) -> Waking {
        let waiting = runs.values.filter { $0.state == .waiting }
        func isDue(_ run: RunRecord) -> Bool {
            let wakeAt = run.wakeAt ?? 0
            if wakeAt <= time { return true }
            guard let debounce = run.debounce, run.startedAt == nil else { return false }
            return wakeAt - time > debounce.latest - run.createdAt + Debounce.clockTolerance
        }
        let due = waiting.filter(isDue).sorted { $0.id < $1.id }
        for run in due {
            runs[run.id]?.state = .queued
            runs[run.id]?.wakeAt = min(run.wakeAt ?? 0, time)
        }
        if !due.isEmpty { changes += 1 }
        return Waking(
            woken: due.map(\.id), next: runs.values.filter { $0.state == .waiting }.compactMap(\.wakeAt).min())
    }

    package func requestCancel(_ runID: String, mayEndFinally: Bool, at time: Int64) -> CancelAnswer {
        guard let run = runs[runID] else { return .missing }
        if run.state.isFinal { return .ended(run.state) }
        changes += 1
        let endsFinally = mayEndFinally && run.isCancelRequested && run.finallyStage != .notBegun
        if endsFinally { runs[runID]?.finallyStage = .cancelled }
        runs[runID]?.isCancelRequested = true
        let requested = endsFinally ? CancelAnswer.endingFinally : .requested
        if run.state == .running { return requested }
        if run.hasFinally, run.startedAt != nil {
            runs[runID]?.state = .queued
            runs[runID]?.wakeAt = time
            return requested
        }
        runs[runID]?.state = .cancelled
        runs[runID]?.endedAt = time
        noteEnd(of: runID)
        return .cancelled
    }

    package func cancelRequests(for worker: WorkerID) -> [CancelRequest] {
        runs.values.filter { $0.owner == worker && $0.isCancelRequested }
            .map { CancelRequest($0.id, endsFinally: $0.finallyStage == .cancelled) }.sorted { $0.runID < $1.runID }
    }

    package func relocate(_ runID: String, to source: Value, isDue: Bool) {
        changes += 1
        runs[runID]?.source = source
        if isDue { dueSources.insert(runID) } else { dueSources.remove(runID) }
    }

    package func endedRetries(after runID: String, limit: Int) -> [String] {
        let due = dueSources.filter { $0 > runID && runs[$0]?.state.isFinal ?? false }
        return Array(due.sorted().prefix(limit))
    }

    // MARK: Ends

    private func noteEnd(of runID: String) {
        guard let run = runs[runID] else { return }
        if run.state == .failed { failing.insert(run.pipeline) }
        let isRecovery = run.state == .succeeded && failing.remove(run.pipeline) != nil
        endRecords.append(
            EndRecord(
                number: (endRecords.last?.number ?? 0) + 1, runID: runID, pipeline: run.pipeline, state: run.state,
                isRecovery: isRecovery, endedAt: run.endedAt ?? 0))
    }

    package func ends(after number: Int64, limit: Int) -> [EndRecord] {
        Array(endRecords.drop { $0.number <= number }.prefix(limit))
    }

    package func lastEnd() -> Int64 { endRecords.last?.number ?? 0 }

    // MARK: Looking

    package func version() -> Int64 { changes + quietChanges }

    package func fingerprint() -> [Int64] { [changes] }

    package func run(_ id: String) -> RunRecord? { runs[id].map(whole) }

    package func progress(of id: String) -> RunRecord? {
        guard var run = runs[id] else { return nil }
        (run.trigger, run.inputs, run.input) = (.null, [:], .null)
        return run
    }

    package func runs(idPrefix: String, limit: Int) -> [RunRecord] {
        runs.values.filter { $0.id.hasPrefix(idPrefix) }.sorted { $0.id < $1.id }.prefix(limit).map(whole)
    }

    package func runs(_ filter: RunFilter) -> [RunRecord] {
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

    package func steps(of runID: String) -> [StepRecord] { stepsByRun[runID] ?? [] }

    package func steps(of runID: String, _ search: StepSearch) -> StepWindow {
        let steps = stepsByRun[runID] ?? []
        var window = StepWindow()
        window.count = steps.count
        window.startedAt = steps.compactMap(\.startedAt).min()
        window.changedAt = steps.compactMap { $0.endedAt ?? $0.startedAt }.max()
        let index: Int?
        if let selected = search.selected {
            index = steps.firstIndex { $0.key.description == selected }
        } else {
            index =
                steps.lastIndex { $0.isLeaf && $0.key.description == search.failed }
                ?? steps.lastIndex { $0.isLeaf && !$0.state.isFinal }
                ?? steps.lastIndex { $0.isLeaf && $0.state == .failed } ?? steps.lastIndex(where: \.isLeaf)
                ?? steps.indices.last
        }
        window.selected = index.map { steps[$0].key }
        window.first = search.firstRow(selected: index, of: steps.count)
        window.rows = steps.dropFirst(window.first).prefix(search.limit).map(\.withoutValues)
        window.open = steps.filter { !$0.state.isFinal }.suffix(StepWindow.maximumOpen).map(\.withoutValues)
        for loop in window.rows where loop.items != nil {
            window.done[loop.key] = steps.count { $0.key.isItem(of: loop.key) && $0.state.isFinal }
        }
        return window
    }

    package func step(of runID: String, key: String) -> StepRecord? {
        stepsByRun[runID]?.first { $0.key.description == key }
    }

    package func events(of runID: String, from number: Int, limit: Int) -> [(number: Int, event: Value)] {
        let events = eventsByRun[runID] ?? []
        guard number < events.count else { return [] }
        return events[max(0, number)...].prefix(limit).enumerated().map { (max(0, number) + $0.offset, $0.element) }
    }

    package func lastEvents(of runID: String, limit: Int) -> [(number: Int, event: Value)] {
        events(of: runID, from: (eventsByRun[runID]?.count ?? 0) - limit, limit: limit)
    }

    package func memory(of uses: String, key: String, at time: Int64) -> StepMemory {
        guard let kept = stepMemories[uses]?[key], kept.expiresAt >= time else { return StepMemory() }
        return kept.memory
    }

    private func apply(_ edit: StepMemoryEdit) {
        var all = stepMemories[edit.uses] ?? [:]
        func change(_ key: String, _ keep: Duration, _ body: (inout StepMemory) -> Void) {
            var memory = all[key].flatMap { $0.expiresAt >= edit.at ? $0.memory : nil } ?? StepMemory()
            body(&memory)
            all[key] = (memory, edit.at + keep.nanoseconds)
        }
        switch edit.change {
        case .set(let key, let value, let keep): change(key, keep) { $0.value = value }
        case .append(let key, let value, let limit, let keep):
            change(key, keep) { memory in
                memory.entries = Array((memory.entries + [value]).suffix(max(0, limit)))
                var bytes = memory.entries.reduce(0) { $0 + $1.json().utf8.count }
                while bytes > StepMemoryEdit.maximumBytes, let first = memory.entries.first {
                    bytes -= first.json().utf8.count
                    memory.entries.removeFirst()
                }
            }
        case .remove(let key): all[key] = nil
        }
        stepMemories[edit.uses] = all
    }

    package func usage(_ query: UsageQuery) -> [UsageSum] {
        let entries = usageEntries.filter {
            $0.at >= query.since && query.pipeline ?? $0.pipeline == $0.pipeline
        }
        return sums(of: entries) { entry in query.period.map { Int((entry.at - query.since) / $0) } ?? 0 }
    }

    package func usage(of runID: String) -> [UsageSum] {
        sums(of: usageEntries.filter { $0.runID == runID }) { _ in 0 }
    }

    private func sums(of entries: [UsageEntry], period: (UsageEntry) -> Int) -> [UsageSum] {
        struct Group: Hashable {
            let period: Int
            let pipeline: String
            let agent: String?
            let model: String?
        }
        var sums: [Group: UsageTotal] = [:]
        for entry in entries {
            let group = Group(
                period: period(entry), pipeline: entry.pipeline, agent: entry.usage.agent, model: entry.usage.model)
            sums[group, default: UsageTotal()].add(entry.usage)
        }
        let found = sums.map { group, total in
            UsageSum(
                period: group.period, pipeline: group.pipeline, agent: group.agent, model: group.model, total: total)
        }
        return found.sorted { one, other in
            (one.period, one.pipeline, one.agent ?? "", one.model ?? "")
                < (other.period, other.pipeline, other.agent ?? "", other.model ?? "")
        }
    }

    // MARK: Housekeeping

    package func prune(_ retention: Retention, now: Int64, within limit: Duration?) async -> PruneReport {
        await deliveryLog.prune(retention, now: now)
        countedSince = max(countedSince, HourCount.hour(of: now - retention.usage.nanoseconds))
        let ended = runs.values.filter(\.state.isFinal).sorted { ($0.endedAt ?? 0, $0.id) > ($1.endedAt ?? 0, $1.id) }
        var seen: [String: Int] = [:]
        var removed = 0
        let due = now - Retention.dueRetries.nanoseconds
        for run in ended where !dueSources.contains(run.id) || run.endedAt ?? now <= due {
            seen[run.pipeline, default: 0] += 1
            let isOld = retention.age.map { now - (run.endedAt ?? now) > $0.nanoseconds } ?? false
            guard isOld || retention.count.map({ seen[run.pipeline, default: 0] > $0 }) ?? false else { continue }
            runs[run.id] = nil
            dueSources.remove(run.id)
            stepsByRun[run.id] = nil
            eventsByRun[run.id] = nil
            if run.dedupeKey != nil, Self.mayBeRetried(run) { failedKeys.insert(run.id) }
            let keys = folded.removeValue(forKey: run.id)?.keys ?? []
            for key in keys + (run.dedupeKey.map { [$0] } ?? []) {
                dedupeEnds.append((run.pipeline, key, (run.endedAt ?? now) + retention.dedupe.nanoseconds))
            }
            removed += 1
        }
        let (oldest, last) = (now - retention.dedupe.nanoseconds, lastEnd())
        endRecords.removeAll {
            $0.number < last && ($0.endedAt < oldest || $0.number <= last - EndRecord.maximumKept)
        }
        for end in dedupeEnds where end.at < now { dedupe[end.pipeline]?[end.key] = nil }
        dedupeEnds.removeAll { $0.at < now }
        usageEntries.removeAll { $0.at < countedSince }
        for uses in stepMemories.keys { stepMemories[uses] = stepMemories[uses]?.filter { $0.value.expiresAt >= now } }
        return PruneReport(runs: removed, bytes: 0)
    }

    package func probe() {}
    package func check() -> [JournalDamage] { [] }
    package func close() {}

    // MARK: Operators

    package nonisolated var operators: any OperatorRecords { MemoryOperatorRecords(journal: self, log: operatorLog) }

    package nonisolated var deliveries: any DeliveryRecords { deliveryLog }

    // MARK: Triggers

    package nonisolated func memory(of trigger: TriggerID) -> any TriggerMemory {
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

    package func move(memoryOf trigger: TriggerID, to other: TriggerID) {
        guard memories[other]?.isEmpty ?? true, let values = memories.removeValue(forKey: trigger) else { return }
        changes += 1
        memories[other] = values
    }

    package func rename(pipeline: String, to name: String, keepingKeysUntil expiry: Int64) async {
        changes += 1
        if failing.remove(pipeline) != nil { failing.insert(name) }
        for trigger in memories.keys where trigger.pipeline == pipeline {
            memories[TriggerID(pipeline: name, key: trigger.key)] = memories.removeValue(forKey: trigger)
        }
        for (key, runID) in dedupe[pipeline] ?? [:] where dedupe[name]?[key] == nil {
            dedupe[name, default: [:]][key] = runID
            dedupeEnds.append((name, key, expiry))
        }
        await operatorLog.rename(pipeline: pipeline, to: name)
    }

    private func remembered(by trigger: TriggerID) -> [String: Value] { memories[trigger] ?? [:] }

    private func remember(_ values: [String: Value?], of trigger: TriggerID) {
        quietChanges += 1
        for (key, value) in values { memories[trigger, default: [:]][key] = value }
    }
}
