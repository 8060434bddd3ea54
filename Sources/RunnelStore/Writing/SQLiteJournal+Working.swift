import GRDB
public import RunnelEngine
import RunnelKit
import Synchronization

extension SQLiteJournal {
    public func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits
    ) async throws(JournalError) -> Claim {
        enum Found { case claimed(Int64), answer(Claim) }
        let found = try await committer.write { db -> Found in
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(
                        sql: """
                            SELECT state, owner, pipeline, started_at IS NOT NULL AS has_begun,
                                CAST(coalesce(wake_at, 0) AS INTEGER) AS wake_at
                            FROM runs WHERE id = ?
                            """), arguments: [runID]),
                let state = RunState(rawValue: row["state"])
            else { return .answer(.missing) }
            if state.isFinal { return .answer(.ended(state)) }
            if let owner = row["owner"] as String? { return .answer(.taken(by: WorkerID(owner))) }
            if state == .waiting { return .answer(.waiting(until: row["wake_at"])) }
            if let total = limits.total,
                try Int.fetchOne(db, sql: "SELECT count(*) FROM runs WHERE owner IS NOT NULL") ?? 0 >= total
            {
                return .answer(.busy)
            }
            if let most = limits.pipeline,
                try Self.held(in: row["pipeline"], besides: runID, hasBegun: row["has_begun"], db)
                    >= most
            {
                return .answer(.busy)
            }
            guard let epoch = try Self.nextEpoch(for: worker, db) else { throw JournalError.workerUnknown(worker) }
            try db.cachedStatement(
                sql: """
                    UPDATE runs SET state = 'running', owner = ?, epoch = ?,
                        started_at = coalesce(started_at, created_at)
                    WHERE id = ?
                    """
            ).execute(arguments: [worker.text, epoch, runID])
            return .claimed(epoch)
        }
        switch found {
        case .answer(let claim): return claim
        case .claimed(let epoch):
            do throws(JournalError) {
                return try await run(runID).map { .claimed($0) } ?? .missing
            } catch  where error.isOfOneRun {
                return .damaged(Lease(runID: runID, worker: worker, epoch: epoch), error)
            }
        }
    }

    /// How many other runs count for the limit of a pipeline: those that go on and, for a run that has not begun, also
    /// those that have begun and go on later.
    private static func held(
        in pipeline: String, besides runID: String, hasBegun: Bool, _ db: Database
    ) throws -> Int {
        var conditions = ["owner IS NOT NULL"]
        if !hasBegun { conditions += ["state = 'waiting'", "state = 'queued' AND (started_at IS NULL) = 0"] }
        return try conditions.reduce(0) { sum, condition in
            let count = try Int.fetchOne(
                db.cachedStatement(
                    sql: "SELECT count(*) FROM runs WHERE \(condition) AND pipeline = ? AND id <> ?"),
                arguments: [pipeline, runID])
            return sum + (count ?? 0)
        }
    }

    /// The epoch of a new claim; nil where the worker is not known.
    static func nextEpoch(for worker: WorkerID, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    UPDATE epochs SET value = value + 1 WHERE EXISTS (SELECT 1 FROM workers WHERE id = ?) RETURNING value
                    """),
            arguments: [worker.text])
    }

    public func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError) {
        if let failure = progress.withLock({ $0.takeFailure(of: commit.lease) }) { throw failure }
        let stored = try await StoredCommit(commit, in: self)
        let work: @Sendable (Database) throws -> Void = { try self.write(stored, $0) }
        if durability == .soon {
            let isTaken = committer.writeSoon(work) { error in
                guard let error else { return }
                self.progress.withLock { $0.fail(commit.lease, error) }
            }
            if isTaken { return }
        }
        try await committer.write(work)
        if commit.end != nil || commit.wakeAt != nil { progress.withLock { $0.forget(commit.lease) } }
    }

    private func write(_ commit: StoredCommit, _ db: Database) throws {
        let lease = commit.lease
        let troubles = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT deaths + takeovers FROM runs WHERE id = ? AND owner = ? AND epoch = ?"),
            arguments: [lease.runID, lease.worker.text, lease.epoch])
        guard let troubles else { throw JournalError.leaseLost(lease.runID) }
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
                lease.runID, step.key, step.uses, step.state, step.attempt, step.startedAt, step.endedAt, step.retryAt,
                step.output, step.error, step.items,
            ])
        }
        try writeEvents(commit.events, of: lease, db)
        if troubles > 0, commit.isProgress {
            try db.cachedStatement(sql: "UPDATE runs SET deaths = 0, takeovers = 0 WHERE id = ?")
                .execute(arguments: [lease.runID])
        }
        if let worked = commit.worked {
            try db.cachedStatement(sql: "UPDATE runs SET worked = ? WHERE id = ?")
                .execute(arguments: [worked, lease.runID])
        }
        if let wakeAt = commit.wakeAt {
            // Somebody may have wanted it cancelled a moment ago.
            try db.cachedStatement(
                sql: """
                    UPDATE runs SET state = iif(cancel_requested, 'queued', 'waiting'),
                        wake_at = iif(cancel_requested, 0, ?), owner = NULL
                    WHERE id = ?
                    """
            ).execute(arguments: [wakeAt, lease.runID])
        }
        guard let end = commit.end else { return }
        try files.require(end.output, end.error)
        try db.cachedStatement(
            sql: "UPDATE runs SET state = ?, output = ?, error = ?, ended_at = ?, owner = NULL WHERE id = ?"
        ).execute(arguments: [end.state.rawValue, end.output, end.error, end.time, lease.runID])
    }

    private static let maximumEvents = 5000
    private static let maximumEventBytes = 1 << 20

    /// Texts are left out once a run has said too much; what became of its steps never is.
    private func writeEvents(_ events: [Value], of lease: Lease, _ db: Database) throws {
        guard !events.isEmpty else { return }
        var (number, size) = progress.withLock { $0.events(of: lease) }
        if number == nil {
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT max(number + count) AS next, sum(length(events)) AS size FROM events WHERE run_id = ?"),
                arguments: [lease.runID])
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
            .execute(arguments: [lease.runID, first, kept.count, text])
        let next = (first + kept.count, size + text.utf8.count)
        progress.withLock { $0.setEvents(of: lease, to: next) }
    }

    public func release(_ leases: [Lease], _ reason: ReleaseReason) async throws(JournalError) -> [String] {
        let released = try await committer.write { db in
            try leases.flatMap { lease in
                try Self.sendBack(
                    "id = ? AND epoch = ? AND owner = ?", [lease.runID, lease.epoch, lease.worker.text], reason, db)
            }.map(\.id)
        }
        progress.withLock { progress in for lease in leases { progress.forget(lease) } }
        return released
    }

    /// Sends runs back to the queue.
    ///
    /// - Parameters:
    ///   - condition: Which of the runs that belong to somebody.
    ///   - hasDied: Whether their worker died.
    @discardableResult static func sendBack(
        _ condition: String, _ arguments: StatementArguments, _ reason: ReleaseReason, hasDied: Bool = false,
        _ db: Database
    ) throws -> [(id: String, deaths: Int)] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    UPDATE runs SET state = 'queued', owner = NULL, interruptions = interruptions + 1,
                        deaths = deaths + \(hasDied ? 1 : 0)
                    WHERE owner IS NOT NULL AND \(condition) RETURNING id, deaths, takeovers
                    """), arguments: arguments
        ).map { (id: $0["id"] as String, deaths: $0["deaths"] as Int, takeovers: $0["takeovers"] as Int) }
        if case .broken(let now) = reason {
            for row in rows {
                let pause = TakeoverPolicy.pause(afterTakeovers: row.takeovers + 1).components.seconds * 1_000_000_000
                try db.cachedStatement(sql: "UPDATE runs SET takeovers = ?, wake_at = ? WHERE id = ?")
                    .execute(arguments: [row.takeovers + 1, now + pause, row.id])
            }
        }
        return rows.sorted { $0.id < $1.id }.map { (id: $0.id, deaths: $0.deaths) }
    }

    public func wake(at time: Int64) async throws(JournalError) -> Waking {
        let next = try await read { try Self.nextWake($0) }
        guard let next, next <= time else { return Waking(next: next) }
        return try await committer.write { db in
            let woken = try String.fetchAll(
                db, sql: "UPDATE runs SET state = 'queued' WHERE state = 'waiting' AND wake_at <= ? RETURNING id",
                arguments: [time])
            return Waking(woken: woken.sorted(), next: try Self.nextWake(db))
        }
    }

    private static func nextWake(_ db: Database) throws -> Int64? {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT min(wake_at) FROM runs WHERE state = 'waiting'"))
    }

    public func requestCancel(_ runID: String, at time: Int64) async throws(JournalError) -> CancelAnswer {
        try await committer.write { db in
            guard
                let row = try Row.fetchOne(
                    db, sql: "SELECT state, has_finally AND started_at IS NOT NULL AS has_more FROM runs WHERE id = ?",
                    arguments: [runID]),
                let state = RunState(rawValue: row["state"])
            else { return .missing }
            if state.isFinal { return .ended(state) }
            switch (state, row["has_more"] as Bool) {
            case (.running, _):
                try db.execute(sql: "UPDATE runs SET cancel_requested = 1 WHERE id = ?", arguments: [runID])
                return .requested
            case (_, true):
                try db.execute(
                    sql: "UPDATE runs SET cancel_requested = 1, state = 'queued', wake_at = ? WHERE id = ?",
                    arguments: [time, runID])
                return .requested
            case (_, false):
                try db.execute(
                    sql: "UPDATE runs SET cancel_requested = 1, state = 'cancelled', ended_at = ? WHERE id = ?",
                    arguments: [time, runID])
                return .cancelled
            }
        }
    }

    public func cancelRequests(for worker: WorkerID) async throws(JournalError) -> [String] {
        try await read { db in
            try String.fetchAll(
                db, sql: "SELECT id FROM runs WHERE owner = ? AND cancel_requested ORDER BY id",
                arguments: [worker.text])
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

    let lease: Lease
    let steps: [Step]
    let events: [Value]
    let isProgress: Bool
    /// In nanoseconds.
    let worked: Int64?
    let wakeAt: Int64?
    let end: End?

    init(_ commit: RunCommit, in journal: SQLiteJournal) async throws(JournalError) {
        let files = journal.files
        let isSmall =
            commit.steps.allSatisfy { step in
                journal.isSmall(step.output ?? .null, step.error ?? .null, step.items ?? .null)
            } && journal.isSmall(commit.end?.output ?? .null, commit.end?.error ?? .null)
        (lease, events, isProgress) = (commit.lease, commit.events, commit.isProgress)
        (worked, wakeAt) = (commit.worked.map { Int64($0 / .nanoseconds(1)) }, commit.wakeAt)
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
