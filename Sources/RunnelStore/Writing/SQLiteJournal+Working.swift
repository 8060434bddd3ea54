import GRDB
public import RunnelEngine
import RunnelKit
import Synchronization

extension SQLiteJournal {
    public func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits, at time: Int64?
    ) async throws(JournalError) -> Claim {
        enum Found { case claimed(Int64, hasBegun: Bool, Result<[RunRow], any Error>), answer(Claim) }
        let found = try await committer.write { db -> Found in
            let row = try db.cachedStatement(
                sql: """
                    SELECT state, iif(typeof(owner) = 'text', owner, NULL), pipeline, started_at IS NOT NULL,
                        CAST(coalesce(wake_at, 0) AS INTEGER)
                    FROM runs WHERE id = ?
                    """
            ).first([runID]) { row in
                // What else cannot be read is found out about when the claimed run is read, and fails that run alone.
                (
                    state: row.text(0).flatMap { RunState(rawValue: $0) }, owner: row.text(1),
                    pipeline: row.text(2) ?? "", hasBegun: row.number(3) != 0, wakeAt: row.number(4)
                )
            }
            guard let row else { return .answer(.missing) }
            guard let state = row.state else { throw JournalError.stateless(runID) }
            if state.isFinal { return .answer(.ended(state)) }
            if let owner = row.owner { return .answer(.taken(by: WorkerID(owner))) }
            if state == .waiting { return .answer(.waiting(until: row.wakeAt)) }
            if let total = limits.total,
                try Int.fetchOne(db.cachedStatement(sql: "SELECT count(*) FROM runs WHERE owner IS NOT NULL")) ?? 0
                    >= total
            {
                return .answer(.full)
            }
            if let most = limits.pipeline,
                try Self.held(in: row.pipeline, besides: runID, hasBegun: row.hasBegun, db) >= most
            {
                return .answer(.busy)
            }
            guard let epoch = try Self.nextEpoch(for: worker, db) else { throw JournalError.workerUnknown(worker) }
            try db.cachedStatement(
                sql: """
                    UPDATE runs SET state = 'running', owner = ?, epoch = ?,
                        started_at = coalesce(started_at, ?, created_at)
                    WHERE id = ?
                    """
            ).execute([worker.text, epoch, time, runID])
            // Read here, so that it does not take a second transaction.
            return .claimed(epoch, hasBegun: row.hasBegun, Self.claimedRow(of: runID, db))
        }
        switch found {
        case .answer(let claim): return claim
        case .claimed(let epoch, let hasBegun, let row):
            let lease = Lease(runID: runID, worker: worker, epoch: epoch)
            if !hasBegun { progress.withLock { $0.begin(lease) } }
            do throws(JournalError) {
                let rows = try row.mapError { JournalError($0, path: path) }.get()
                guard let run = try await opened(rows).first else { return .missing }
                if let loss = run.loss(of: RunRecord.beginning) { throw loss }
                return .claimed(run)
            } catch  where error.isOfOneRun {
                return .damaged(lease, error)
            }
        }
    }

    /// The state in a row's first column.
    private static func state(_ row: Row, of runID: String) throws(JournalError) -> RunState {
        guard let state = (try? row.decode(String.self, atIndex: 0)).flatMap({ RunState(rawValue: $0) }) else {
            throw JournalError.stateless(runID)
        }
        return state
    }

    /// The number of other runs that count for the limit of a pipeline: running ones and, for a run that has not
    /// started, also interrupted and waiting ones.
    private static func held(
        in pipeline: String, besides runID: String, hasBegun: Bool, _ db: Database
    ) throws -> Int {
        var conditions = ["owner IS NOT NULL"]
        if !hasBegun {
            conditions += [
                "state = 'waiting' AND started_at IS NOT NULL", "state = 'queued' AND (started_at IS NULL) = 0",
            ]
        }
        return try conditions.reduce(0) { sum, condition in
            let count = try Int.fetchOne(
                db.cachedStatement(
                    sql: "SELECT count(*) FROM runs WHERE \(condition) AND pipeline = ? AND id <> ?"),
                arguments: [pipeline, runID])
            return sum + (count ?? 0)
        }
    }

    public func skipQueued(like run: RunRecord, limit: Int, at time: Int64) async throws(JournalError) -> [String] {
        try await committer.write { [pipeline = run.pipeline, definition = run.definition] db in
            guard try Self.held(in: pipeline, besides: "", hasBegun: false, db) >= limit else { return [] }
            let ids = try String.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id FROM runs
                        WHERE state = 'queued' AND started_at IS NULL AND pipeline = ? AND definition = ?
                        ORDER BY id LIMIT \(QueueSearch.maximumSkipped)
                        """), arguments: [pipeline, definition])
            for id in ids {
                try db.cachedStatement(sql: "UPDATE runs SET state = 'skipped', ended_at = ? WHERE id = ?")
                    .execute([time, id])
                try Self.noteEnd(of: id, .skipped, at: time, db)
            }
            return ids
        }
    }

    /// The epoch of a new claim; nil if the worker is unknown.
    static func nextEpoch(for worker: WorkerID, _ db: Database) throws -> Int64? {
        // Two statements: for RETURNING, SQLite makes a temporary table.
        let next = try db.cachedStatement(
            sql: "SELECT value + 1 FROM epochs WHERE EXISTS (SELECT 1 FROM workers WHERE id = ?)"
        ).first([worker.text]) { $0.number(0) }
        guard let next else { return nil }
        try db.cachedStatement(sql: "UPDATE epochs SET value = ?").execute([next])
        return next
    }

    public func commit(_ commit: RunCommit, _ durability: Durability) async throws(JournalError) {
        if let failure = progress.withLock({ $0.takeFailure(of: commit.lease) }) { throw failure }
        if durability == .soon, commit.isSmall, soon.add(commit) { return }
        let joined = soon.joined(commit)
        let stored =
            try joined.isSmall ? StoredCommit(joined, files, isSmall: true) : await storedOnDisk(joined)
        try await committer.write { [files, progress] in try Self.write(stored, files, progress, $0) }
        if commit.end != nil || commit.wakeAt != nil { progress.withLock { $0.forget(commit.lease) } }
    }

    /// Not inlined, so that its variables are not in the async frame of a small commit, whose memory a run keeps.
    @inline(never) private func storedOnDisk(_ commit: RunCommit) async throws(JournalError) -> StoredCommit {
        try await onDisk { [files] () throws(JournalError) in try StoredCommit(commit, files, isSmall: false) }
    }

    private static let ownedRun =
        "SELECT deaths + takeovers, \(endColumns) FROM runs WHERE id = ? AND owner = ? AND epoch = ?"

    static func write(
        _ commit: StoredCommit, _ files: OutputFiles, _ progress: RunProgressCache, _ db: Database
    ) throws {
        let lease = commit.lease
        let run = try db.cachedStatement(sql: ownedRun).first([lease.runID, lease.worker.text, lease.epoch]) {
            (troubles: $0.number(0), pipeline: $0.text(1) ?? "", isFailing: $0.number(2) != 0)
        }
        guard let run else { throw JournalError.leaseLost(lease.runID) }
        // An earlier commit of the run failed while this one was in the queue.
        if let failure = progress.withLock({ $0.failure(of: lease) }) { throw failure }
        try files.require(commit.files)
        let namesFiles = !commit.files.isEmpty || progress.withLock { $0.namesFiles(lease) }
        try write(commit.steps, of: lease.runID, namesFiles: namesFiles, db)
        if !commit.files.isEmpty { progress.withLock { $0.setNamesFiles(lease) } }
        try write(commit.updates, of: lease.runID, db)
        try write(commit.usage, of: lease.runID, db)
        for edit in commit.memories { try apply(edit, db) }
        try writeEvents(commit.events, of: lease, progress, db)
        if run.troubles > 0, commit.isProgress {
            try db.cachedStatement(sql: "UPDATE runs SET deaths = 0, takeovers = 0 WHERE id = ?")
                .execute([lease.runID])
        }
        if let worked = commit.worked {
            try db.cachedStatement(sql: "UPDATE runs SET worked = ? WHERE id = ?")
                .execute([worked, lease.runID])
        }
        if commit.beginsFinally {
            try db.cachedStatement(sql: "UPDATE runs SET finally_stage = max(finally_stage, 1) WHERE id = ?")
                .execute([lease.runID])
        }
        if let wakeAt = commit.wakeAt {
            // A cancellation may have been requested meanwhile. The first one leaves `finally` alone.
            let isDue = "cancel_requested AND finally_stage <> 1"
            try db.cachedStatement(
                sql: """
                    UPDATE runs SET state = iif(\(isDue), 'queued', 'waiting'),
                        wake_at = iif(\(isDue), 0, ?), owner = NULL
                    WHERE id = ?
                    """
            ).execute([wakeAt, lease.runID])
        }
        guard let end = commit.end else { return }
        try db.cachedStatement(
            sql: "UPDATE runs SET state = ?, output = ?, error = ?, ended_at = ?, owner = NULL WHERE id = ?"
        ).execute([end.state.rawValue, end.output, end.error, end.time, lease.runID])
        try name(["output": end.output, "error": end.error], of: lease.runID, db)
        try noteEnd(of: lease.runID, in: run.pipeline, isFailing: run.isFailing, end.state, at: end.time, db)
    }

    /// Each replaces what was known of its execution.
    ///
    /// - Parameter namesFiles: Whether a value of a step may be in a file, or may have been.
    static func write(_ steps: [StoredStep], of runID: String, namesFiles: Bool, _ db: Database) throws {
        for step in steps {
            try db.cachedStatement(
                sql: """
                    INSERT INTO steps (run_id, key, uses, state, attempt, started_at, ended_at, retry_at, output, error,
                        items, "with", attributes, checkpoint)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (run_id, key) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
                        started_at = excluded.started_at, ended_at = excluded.ended_at, retry_at = excluded.retry_at,
                        output = excluded.output, error = excluded.error, items = coalesce(excluded.items, items),
                        "with" = coalesce(excluded."with", "with"),
                        attributes = coalesce(excluded.attributes, attributes),
                        checkpoint = iif(excluded.state = 'running', coalesce(excluded.checkpoint, checkpoint), NULL)
                    """
            ).execute([
                runID, step.key, step.uses, step.state, step.attempt, step.startedAt, step.endedAt, step.retryAt,
                step.output, step.error, step.items, step.with, step.attributes, step.checkpoint,
            ])
            if namesFiles { try name(step, of: runID, db) }
        }
    }

    /// Records the files that columns of a step's row refer to, and drops the references that were there before.
    private static func name(_ step: StoredStep, of runID: String, _ db: Database) throws {
        let key: StatementArguments = [runID, step.key]
        guard
            let number = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT number FROM steps WHERE run_id = ? AND key = ?"), arguments: key)
        else { return }
        for (name, value) in [("output", step.output), ("error", step.error), ("items", step.items)] {
            // A commit without items leaves those that are there.
            if name == "items", value == nil { continue }
            if case .file(let hash)? = value {
                try db.cachedStatement(
                    sql: "INSERT OR REPLACE INTO files (run_id, step, name, hash) VALUES (?, ?, ?, ?)"
                ).execute([runID, number, name, StoredValue.file(hash)])
            } else {
                try db.cachedStatement(sql: "DELETE FROM files WHERE run_id = ? AND step = ? AND name = ?")
                    .execute([runID, number, name])
            }
        }
    }

    private static func writeEvents(
        _ events: EncodedEvents?, of lease: Lease, _ progress: RunProgressCache, _ db: Database
    ) throws {
        guard let events else { return }
        var (number, size) = progress.withLock { $0.events(of: lease) }
        if number == nil {
            let written = try db.cachedStatement(
                sql: "SELECT max(number + count), sum(length(events)) FROM events WHERE run_id = ?"
            ).first([lease.runID]) { (number: Int($0.number(0)), size: Int($0.number(1))) }
            (number, size) = (written?.number ?? 0, written?.size ?? 0)
        }
        let first = number ?? 0
        guard let row = events.row(after: first, size) else { return }
        try db.cachedStatement(sql: "INSERT INTO events (run_id, number, count, events) VALUES (?, ?, ?, ?)")
            .execute([lease.runID, first, row.count, row.text])
        let next = (first + row.count, size + row.text.utf8.count)
        progress.withLock { $0.setEvents(of: lease, to: next) }
    }

    public func release(_ leases: [Lease], _ reason: ReleaseReason) async throws(JournalError) -> [String] {
        soon.flush(leases)
        let released = try await committer.write { db in
            try leases.flatMap { lease in
                try Self.sendBack(
                    "id = ? AND CAST(epoch AS INTEGER) = ? AND owner = ?",
                    [lease.runID, lease.epoch, lease.worker.text], reason, db)
            }.map(\.id)
        }
        progress.withLock { progress in for lease in leases { progress.forget(lease) } }
        return released
    }

    /// Requeues runs.
    ///
    /// - Parameters:
    ///   - condition: Selects among the owned runs.
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
                    WHERE owner IS NOT NULL AND \(condition)
                    RETURNING id, CAST(deaths AS INTEGER), CAST(takeovers AS INTEGER)
                    """), arguments: arguments
        ).compactMap { row -> (id: String, deaths: Int, takeovers: Int)? in
            guard let id = try? row.decode(String.self, atIndex: 0) else { return nil }
            return (id, try row.decode(atIndex: 1), try row.decode(atIndex: 2))
        }
        if case .broken(let now) = reason {
            for row in rows {
                let pause = TakeoverPolicy.pause(afterTakeovers: row.takeovers + 1).components.seconds * 1_000_000_000
                try db.cachedStatement(sql: "UPDATE runs SET takeovers = ?, wake_at = ? WHERE id = ?")
                    .execute([row.takeovers + 1, now + pause, row.id])
            }
        }
        return rows.sorted { $0.id < $1.id }.map { (id: $0.id, deaths: $0.deaths) }
    }

    public func wake(at time: Int64) async throws(JournalError) -> Waking {
        let (next, isSetBack) = try await read { db in
            (
                try Self.nextWake(db),
                try Bool.fetchOne(
                    db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM runs WHERE \(Self.setBack))"),
                    arguments: [time]) ?? false
            )
        }
        guard isSetBack || next.map({ $0 <= time }) ?? false else { return Waking(next: next) }
        return try await committer.write { db in
            let woken = try ["state = 'waiting' AND wake_at <= ?", Self.setBack].flatMap { condition in
                try String.fetchAll(
                    db,
                    sql: """
                        UPDATE runs SET state = 'queued', wake_at = min(wake_at, ?) WHERE \(condition) RETURNING id
                        """, arguments: [time, time])
            }
            return Waking(woken: woken.sorted(), next: try Self.nextWake(db))
        }
    }

    /// The debounced runs since whose first event the clock was set back to a time.
    private static let setBack = """
        state = 'waiting' AND debounce_key IS NOT NULL AND started_at IS NULL
            AND wake_at - ? > debounce_until - created_at + \(Debounce.clockTolerance)
        """

    private static func nextWake(_ db: Database) throws -> Int64? {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT min(wake_at) FROM runs WHERE state = 'waiting'"))
    }

    public func requestCancel(
        _ runID: String, mayEndFinally: Bool, at time: Int64
    ) async throws(JournalError) -> CancelAnswer {
        try await committer.write { db in
            guard
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT state, has_finally AND started_at IS NOT NULL, cancel_requested AND finally_stage > 0
                        FROM runs WHERE id = ?
                        """, arguments: [runID])
            else { return .missing }
            let state = try Self.state(row, of: runID)
            if state.isFinal { return .ended(state) }
            let endsFinally = try row.decode(Bool.self, atIndex: 2) && mayEndFinally
            let requested: CancelAnswer = endsFinally ? .endingFinally : .requested
            if endsFinally {
                try db.execute(sql: "UPDATE runs SET finally_stage = 2 WHERE id = ?", arguments: [runID])
            }
            switch (state, try row.decode(Bool.self, atIndex: 1)) {
            case (.running, _):
                try db.execute(sql: "UPDATE runs SET cancel_requested = 1 WHERE id = ?", arguments: [runID])
                return requested
            case (_, true):
                try db.execute(
                    sql: "UPDATE runs SET cancel_requested = 1, state = 'queued', wake_at = ? WHERE id = ?",
                    arguments: [time, runID])
                return requested
            case (_, false):
                try db.execute(
                    sql: "UPDATE runs SET cancel_requested = 1, state = 'cancelled', ended_at = ? WHERE id = ?",
                    arguments: [time, runID])
                try Self.noteEnd(of: runID, .cancelled, at: time, db)
                return .cancelled
            }
        }
    }

    public func cancelRequests(for worker: WorkerID) async throws(JournalError) -> [CancelRequest] {
        try await read { db in
            try db.cachedStatement(
                sql: "SELECT id, finally_stage = 2 FROM runs WHERE owner = ? AND cancel_requested ORDER BY id"
            ).all([worker.text]) { CancelRequest($0.text(0) ?? "", endsFinally: $0.number(1) != 0) }
        }
    }
}

/// One execution of a step as its columns hold it.
struct StoredStep: Sendable {
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
    /// The three are bounded, so they are never files.
    let with: String?
    let attributes: String?
    let checkpoint: String?

    init(_ step: StepRecord, _ files: OutputFiles, isSmall: Bool) throws(JournalError) {
        key = step.key.description
        uses = step.uses
        state = step.state.rawValue
        attempt = step.attempt
        startedAt = step.startedAt
        endedAt = step.endedAt
        retryAt = step.retryAt
        output = try files.store(step.output, isSmall: isSmall)
        error = try files.store(step.error, isSmall: isSmall)
        items = try files.store(step.items, isSmall: isSmall)
        with = step.with.map(ValueCoding.text)
        attributes = step.attributes.map(ValueCoding.text)
        checkpoint = step.checkpoint.map(ValueCoding.text)
    }

    /// The files that its values are in.
    var files: [[UInt8]] { [output, error, items].compactMap { $0?.file } }

    static func all(
        _ steps: [StepRecord], _ files: OutputFiles, isSmall: Bool
    ) throws(JournalError) -> [StoredStep] {
        var stored: [StoredStep] = []
        for step in steps { stored.append(try StoredStep(step, files, isSmall: isSmall)) }
        return stored
    }
}

/// A commit in column form.
final class StoredCommit: Sendable {
    struct End: Sendable {
        let state: RunState
        let output: StoredValue?
        let error: StoredValue?
        let time: Int64
    }

    let lease: Lease
    let steps: [StoredStep]
    let events: EncodedEvents?
    let updates: [StepUpdate]
    let usage: [UsageEntry]
    let memories: [StepMemoryEdit]
    let isProgress: Bool
    /// In nanoseconds.
    let worked: Int64?
    let wakeAt: Int64?
    let beginsFinally: Bool
    let end: End?
    /// The files that the values are in.
    let files: [[UInt8]]

    /// - Parameter isSmall: Whether no value is a file.
    init(_ commit: RunCommit, _ files: OutputFiles, isSmall: Bool) throws(JournalError) {
        (lease, events, isProgress) = (commit.lease, EncodedEvents(commit.events), commit.isProgress)
        (updates, usage, memories) = (commit.updates, commit.usage, commit.memories)
        (worked, wakeAt) = (commit.worked.map { Int64($0 / .nanoseconds(1)) }, commit.wakeAt)
        beginsFinally = commit.beginsFinally
        steps = try StoredStep.all(commit.steps, files, isSmall: isSmall)
        let output = try files.store(commit.end?.output, isSmall: isSmall)
        let error = try files.store(commit.end?.error, isSmall: isSmall)
        end = commit.end.map { End(state: $0.state, output: output, error: error, time: $0.time) }
        self.files = isSmall ? [] : steps.flatMap(\.files) + [output, error].compactMap { $0?.file }
    }
}
