import RunnelKit

extension RunCommit {
    /// An empty commit; the driver sets its lease.
    static let empty = RunCommit(lease: Lease(runID: "", worker: WorkerID(""), epoch: 0))
}

extension RunDriver {
    /// Commits changes, then reports them to watchers.
    ///
    /// - Parameter next: The attempts about to start.
    func write(
        _ commit: RunCommit, events kinds: [RunEvent.Kind] = [], before next: [ExecutionKey] = []
    ) async throws {
        let happened = kinds.map { event($0) }
        if let pending = try pending(commit, happened, before: next) {
            try await pending.journal.commit(pending.commit, pending.durability)
        }
        for event in happened { await events(event) }
    }

    /// A commit as the journal gets it. A class, so that the async frame of a run holds a reference.
    private final class PendingCommit {
        let commit: RunCommit
        let durability: Durability
        let journal: any Journal

        init(_ commit: RunCommit, _ durability: Durability, _ journal: any Journal) {
            (self.commit, self.durability, self.journal) = (commit, durability, journal)
        }
    }

    /// The commit as the journal gets it; nil if there is nothing to store. A function of its own, so that its variables do
    /// not stay in the async frame of a run.
    @inline(never) private func pending(
        _ commit: RunCommit, _ happened: [RunEvent], before next: [ExecutionKey]
    ) throws -> PendingCommit? {
        guard let storage else { return nil }
        guard !control.isFenced else { throw JournalError.leaseLost(request.id) }
        var commit = commit
        commit.lease = storage.lease
        if pipeline.plan.isTimed || commit.wakeAt != nil { commit.worked = worked }
        for index in commit.steps.indices { commit.steps[index].seal(by: storage.seal) }
        if let output = commit.end?.output { commit.end?.output = storage.seal.seal(output) }
        commit.events = (buffer.take() + happened).map { trace.noted($0) }
        if commit.end != nil, let outcome {
            commit.events.append(finished(outcome).journalJSON)
        }
        let isSettled = isToBeSettled(commit, before: next) || storage.isSuspect && !commit.steps.isEmpty
        let isEmpty =
            commit.steps.isEmpty && commit.events.isEmpty && commit.updates.isEmpty && commit.worked == nil
        return isEmpty && !isSettled ? nil : PendingCommit(commit, isSettled ? .durable : .soon, storage.journal)
    }

    /// Whether the commit must be durable before the run continues.
    ///
    /// The start of an attempt need not: if it is lost, the attempt is repeated. The end of a repeatable step need not
    /// either, until something starts that depends on it.
    private func isToBeSettled(_ commit: RunCommit, before next: [ExecutionKey]) -> Bool {
        func isSettled(_ step: StepRecord) -> Bool { step.state != .running || step.items != nil }
        let isUrgent =
            commit.end != nil || commit.wakeAt != nil
            || commit.steps.contains { isSettled($0) && !isRepeatable($0.key) }
        hasUnsettled = hasUnsettled || commit.steps.contains(where: isSettled)
        guard isUrgent || hasUnsettled && next.contains(where: { !isRepeatable($0) }) else { return false }
        hasUnsettled = false
        return true
    }

    private func isRepeatable(_ key: ExecutionKey) -> Bool {
        step(key)?.definition?.isRepeatable ?? false
    }

    /// Adds to the commit what the ended attempt stores besides its output.
    func keep(_ change: RunMachine.Change, in commit: inout RunCommit) {
        guard change.state != .running, let journal = attempts[change.key]?.journal else { return }
        let content = journal.take()
        if let last = commit.steps.indices.last {
            commit.steps[last].with = content.with
            commit.steps[last].attributes = content.attributes.isEmpty ? nil : .object(content.attributes)
        }
        commit.usage += content.usage.map {
            UsageEntry(pipeline: pipeline.declaration.name, step: change.key, at: $0.at, usage: $0.record)
        }
        commit.memories += content.memories.map { StepMemoryEdit(uses: change.uses, change: $0.change, at: $0.at) }
    }

    func record(_ change: RunMachine.Change) -> StepRecord {
        let now = runner.now()
        var record = StepRecord(change.key, uses: change.uses, state: change.state, attempt: change.attempt)
        if change.state == .running, beginnings[change.key] == nil { beginnings[change.key] = now }
        record.startedAt = beginnings[change.key]
        if change.state.isFinal { record.endedAt = now }
        record.retryAt = change.retryIn.map { now + $0.nanoseconds }
        if record.retryAt != nil || !retryTimes.isEmpty { retryTimes[change.key] = record.retryAt }
        record.output = change.output
        record.error = change.recordedError
        record.items = change.items.map { .list($0) }
        if change.isGroupStart { record.groupStart = worked }
        return record
    }

    /// The event of the change for watchers; nil if there is none.
    func happening(_ change: RunMachine.Change) -> RunEvent.Kind? {
        let place = place(change.key)
        let isGroup = step(change.key)?.declaration.group != nil || change.items != nil
        let took = attempts.removeValue(forKey: change.key)?.stopwatch.elapsed() ?? .zero
        switch change.state {
        case .running: return isGroup ? nil : .stepStarted(place, attempt: change.attempt)
        case .succeeded:
            // Groups and `for_each` are reported by their steps and items.
            guard change.attempt > 0 else { return nil }
            return .stepSucceeded(place, output: runner.redactor.redact(change.output ?? .null), took: took)
        case .skipped: return isGroup ? nil : .stepSkipped(place)
        case .waiting where change.reason != nil: return .stepNote(place, change.reason ?? "")
        case .failed, .waiting:
            guard let error = change.error, change.attempt > 0 || error.stepID == change.key.description else {
                return nil
            }
            return .stepFailed(place, error, took: took, retryIn: change.retryIn)
        case .cancelled: return change.attempt > 0 ? .stepCancelled(place, took: took) : nil
        }
    }

    /// The note for a server that asks for a longer pause than the step's `retry` allows.
    func retryNote(_ change: RunMachine.Change) -> RunEvent.Kind? {
        guard let error = change.error, let wait = change.retryIn, let retry = step(change.key)?.declaration.retry,
            let note = RetryPlan.note(error, wait: wait, longest: retry.maxBackoff)
        else { return nil }
        return .stepNote(place(change.key), note)
    }

    func end(_ outcome: RunOutcome) -> RunCommit.End {
        switch outcome {
        case .succeeded(let output): RunCommit.End(state: .succeeded, output: output, time: endedAt)
        case .failed(let error): RunCommit.End(state: .failed, error: error.json, time: endedAt)
        case .cancelled: RunCommit.End(state: .cancelled, time: endedAt)
        }
    }

    /// The event for the end of the run.
    func finished(_ outcome: RunOutcome) -> RunEvent {
        RunEvent(runID: request.id, time: endedAt, kind: .runFinished(outcome, took: took))
    }

    /// The time from the first start to the end, as in ``RunRecord/took(now:)``.
    var took: Duration { .nanoseconds(max(0, endedAt - startedAt)) }
}
