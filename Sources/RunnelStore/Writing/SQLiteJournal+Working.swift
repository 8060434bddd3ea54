import GRDB
public import RunnelEngine
import RunnelKit
import Synchronization

extension SQLiteJournal {
    public func claim(
        _ runID: String, by agent: AgentID, limits: RunLimits
    ) async throws(JournalError) -> Claim {
        enum Found { case claimed, answer(Claim) }
        let found = try await committer.write { db -> Found in
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT state, owner, pipeline FROM runs WHERE id = ?"), arguments: [runID]),
                let state = RunState(rawValue: row["state"])
            else { return .answer(.missing) }
            if state.isFinal { return .answer(.ended(state)) }
            if let owner = row["owner"] as String? { return .answer(.taken(by: AgentID(owner))) }
            if let total = limits.total,
                try Int.fetchOne(db, sql: "SELECT count(*) FROM runs WHERE state = 'running'") ?? 0 >= total
            {
                return .answer(.busy)
            }
            if let most = limits.pipeline {
                let pipeline: String = row["pipeline"]
                let running = try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM runs WHERE state = 'running' AND pipeline = ?", arguments: [pipeline]
                )
                if running ?? 0 >= most { return .answer(.busy) }
            }
            try db.cachedStatement(
                sql: """
                    UPDATE runs SET state = 'running', owner = ?, started_at = coalesce(started_at, created_at)
                    WHERE id = ?
                    """
            ).execute(arguments: [agent.text, runID])
            return .claimed
        }
        switch found {
        case .answer(let claim): return claim
        case .claimed: return try await run(runID).map { .claimed($0) } ?? .missing
        }
    }

    public func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError) {
        if let failure = progress.withLock({ $0.failures.removeValue(forKey: commit.runID) }) { throw failure }
        let stored = try await StoredCommit(commit, in: self)
        let work: @Sendable (Database) throws -> Void = { try self.write(stored, $0) }
        if durability == .soon {
            let isTaken = committer.writeSoon(work) { error in
                guard let error else { return }
                self.progress.withLock { $0.failures[commit.runID] = error }
            }
            if isTaken { return }
        }
        try await committer.write(work)
        if commit.end != nil { progress.withLock { $0.forget(commit.runID) } }
    }

    private func write(_ commit: StoredCommit, _ db: Database) throws {
        let owner = try String.fetchOne(
            db.cachedStatement(sql: "SELECT owner FROM runs WHERE id = ?"), arguments: [commit.runID])
        guard owner == commit.owner.text else { throw JournalError.leaseLost(commit.runID) }
        for step in commit.steps {
            try files.require(step.output, step.error, step.items)
            try db.cachedStatement(
                sql: """
                    INSERT INTO steps (run_id, key, uses, state, attempt, started_at, ended_at, retry_at, output, error, items)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (run_id, key) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
                        started_at = excluded.started_at, ended_at = excluded.ended_at, retry_at = excluded.retry_at,
                        output = excluded.output, error = excluded.error, items = coalesce(excluded.items, items)
                    """
            ).execute(arguments: [
                commit.runID, step.key, step.uses, step.state, step.attempt, step.startedAt, step.endedAt, step.retryAt,
                step.output, step.error, step.items,
            ])
        }
        try writeEvents(commit.events, of: commit.runID, db)
        guard let end = commit.end else { return }
        try files.require(end.output, end.error)
        try db.cachedStatement(
            sql: "UPDATE runs SET state = ?, output = ?, error = ?, ended_at = ?, owner = NULL WHERE id = ?"
        ).execute(arguments: [end.state.rawValue, end.output, end.error, end.time, commit.runID])
    }

    private static let maximumEvents = 5000
    private static let maximumEventBytes = 1 << 20

    /// Texts are left out once a run has said too much; what became of its steps never is.
    private func writeEvents(_ events: [Value], of runID: String, _ db: Database) throws {
        guard !events.isEmpty else { return }
        var (number, size) = progress.withLock { ($0.events[runID], $0.eventBytes[runID] ?? 0) }
        if number == nil {
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT max(number + count) AS next, sum(length(events)) AS size FROM events WHERE run_id = ?"),
                arguments: [runID])
            number = row?["next"] ?? 0
            size = row?["size"] ?? 0
        }
        let first = number ?? 0
        let isFull = first > Self.maximumEvents || size > Self.maximumEventBytes
        let kept =
            isFull ? events.filter { !["step-text", "step-note"].contains($0.asObject?["event"]?.asString) } : events
        guard !kept.isEmpty else { return }
        let text = Value.list(kept).json()
        try db.cachedStatement(sql: "INSERT INTO events (run_id, number, count, events) VALUES (?, ?, ?, ?)")
            .execute(arguments: [runID, first, kept.count, text])
        let next = (first + kept.count, size + text.utf8.count)
        progress.withLock { ($0.events[runID], $0.eventBytes[runID]) = next }
    }

    public func release(_ runIDs: [String], by agent: AgentID) async throws(JournalError) {
        try await committer.write { db in
            for id in runIDs {
                try db.cachedStatement(
                    sql: """
                        UPDATE runs SET state = 'queued', owner = NULL, interruptions = interruptions + 1
                        WHERE id = ? AND owner = ? AND state = 'running'
                        """
                ).execute(arguments: [id, agent.text])
            }
        }
        progress.withLock { progress in for id in runIDs { progress.forget(id) } }
    }

    public func requestCancel(_ runID: String, at time: Int64) async throws(JournalError) -> CancelAnswer {
        try await committer.write { db in
            guard
                let text = try String.fetchOne(db, sql: "SELECT state FROM runs WHERE id = ?", arguments: [runID]),
                let state = RunState(rawValue: text)
            else { return .missing }
            if state.isFinal { return .ended(state) }
            let end = state == .queued ? ", state = 'cancelled', ended_at = ?" : ""
            try db.execute(
                sql: "UPDATE runs SET cancel_requested = 1\(end) WHERE id = ?",
                arguments: state == .queued ? [time, runID] : [runID])
            return state == .queued ? .cancelled : .requested
        }
    }

    public func cancelRequests(for agent: AgentID) async throws(JournalError) -> [String] {
        try await read { db in
            try String.fetchAll(
                db, sql: "SELECT id FROM runs WHERE state = 'running' AND owner = ? AND cancel_requested ORDER BY id",
                arguments: [agent.text])
        }
    }
}

/// A commit as its columns hold it.
private struct StoredCommit: Sendable {
    struct Step: Sendable {
        let key: String
        let uses: String
        let state: String
        let attempt: Int
        let startedAt: Int64?
        let endedAt: Int64?
        let retryAt: Int64?
        let output: StoredValue?
        let error: StoredValue?
        let items: StoredValue?

        init(_ step: StepRecord, _ files: OutputFiles) throws(JournalError) {
            key = step.key.description
            uses = step.uses
            state = step.state.rawValue
            attempt = step.attempt
            startedAt = step.startedAt
            endedAt = step.endedAt
            retryAt = step.retryAt
            output = try files.store(step.output)
            error = try files.store(step.error)
            items = try files.store(step.items)
        }
    }

    struct End: Sendable {
        let state: RunState
        let output: StoredValue?
        let error: StoredValue?
        let time: Int64
    }

    let runID: String
    let owner: AgentID
    let steps: [Step]
    let events: [Value]
    let end: End?

    init(_ commit: RunCommit, in journal: SQLiteJournal) async throws(JournalError) {
        let files = journal.files
        let isSmall =
            commit.steps.allSatisfy { step in
                journal.isSmall(step.output ?? .null, step.error ?? .null, step.items ?? .null)
            } && journal.isSmall(commit.end?.output ?? .null, commit.end?.error ?? .null)
        (runID, owner, events) = (commit.runID, commit.owner, commit.events)
        (steps, end) =
            isSmall
            ? try Self.store(commit, files)
            : try await journal.onDisk { () throws(JournalError) in try Self.store(commit, files) }
    }

    private static func store(
        _ commit: RunCommit, _ files: OutputFiles
    ) throws(JournalError) -> (steps: [Step], end: End?) {
        var steps: [Step] = []
        for step in commit.steps { steps.append(try Step(step, files)) }
        guard let end = commit.end else { return (steps, nil) }
        return (
            steps,
            End(
                state: end.state, output: try files.store(end.output), error: try files.store(end.error), time: end.time
            )
        )
    }
}
