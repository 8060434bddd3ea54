import PostgresClient
public import RunnelEngine
import RunnelKit

/// A request for a claim.
struct PostgresClaim: Sendable {
    let runID: String
    let worker: WorkerID
    let limits: RunLimits
    /// See ``Journal/claim(_:by:limits:at:)``.
    let time: Int64?
}

/// A claim as the transaction makes it; ``PostgresJournal/claim(_:by:limits:at:)`` reads its values.
enum PostgresClaimed: Sendable {
    case run(PostgresStoredRun, hasBegun: Bool)
    case answer(Claim)
}

extension PostgresJournal {
    public func claim(
        _ runID: String, by worker: WorkerID, limits: RunLimits, at time: Int64?
    ) async throws(JournalError) -> Claim {
        let claimed: PostgresClaimed = try await committer.perform(
            .claim(PostgresClaim(runID: runID, worker: worker, limits: limits, time: time)), [runID])
        switch claimed {
        case .answer(let claim): return claim
        case .run(let stored, let hasBegun):
            let lease = Lease(runID: runID, worker: worker, epoch: stored.record.epoch)
            if !hasBegun { progress.withLock { $0.begin(lease) } }
            do throws(JournalError) {
                let run = try stored.opened()
                if let loss = run.loss(of: RunRecord.beginning) { throw loss }
                return .claimed(run)
            } catch  where error.isOfOneRun {
                return .damaged(lease, error)
            }
        }
    }

    // MARK: - In a transaction

    /// Claims runs. Those without limits share one statement.
    static func claim(
        _ claims: [PostgresClaim], _ connection: PostgresConnection
    ) throws -> [Result<PostgresClaimed, JournalError>] {
        var answers: [Result<PostgresClaimed, JournalError>?] = claims.map { _ in nil }
        let known = try known(Set(claims.map(\.worker.text)), connection)
        let free = claims.indices.filter { index in
            claims[index].limits == RunLimits() && known.contains(claims[index].worker.text)
                && claims.firstIndex { $0.runID == claims[index].runID } == index
        }
        if !free.isEmpty {
            let rows = try connection.execute(
                """
                WITH free AS (
                    SELECT a.run_id, u.worker, u.time, u.place, a.started_at IS NOT NULL AS has_begun
                    FROM active a
                    JOIN unnest($1, $2, $3) WITH ORDINALITY AS u (run_id, worker, time, place) ON u.run_id = a.run_id
                    WHERE a.state = 'queued' ORDER BY a.run_id FOR UPDATE OF a SKIP LOCKED
                ), numbered AS MATERIALIZED (
                    SELECT run_id, worker, time, has_begun, nextval('epochs') AS epoch FROM free ORDER BY place
                )
                UPDATE active a SET state = 'running', owner = n.worker, epoch = n.epoch,
                    started_at = coalesce(a.started_at, n.time, a.created_at)
                FROM numbered n WHERE a.run_id = n.run_id RETURNING a.run_id, n.has_begun
                """, .texts(free.map { claims[$0].runID }), .texts(free.map { claims[$0].worker.text }),
                .ints(free.map { claims[$0].time }))
            var begun: [String: Bool] = [:]
            for row in rows.rows { begun[try row.text(0)] = try row.bool(1) }
            let stored = try storedRuns(ids: Array(begun.keys), connection)
            for index in free {
                let runID = claims[index].runID
                guard let hasBegun = begun[runID] else { continue }
                answers[index] =
                    stored[runID].map { .success(.run($0, hasBegun: hasBegun)) } ?? .success(.answer(.missing))
            }
            let missed = free.filter { answers[$0] == nil }
            let reasons = try reasons(missed.map { claims[$0].runID }, connection)
            for index in missed { answers[index] = reasons[claims[index].runID] }
        }
        for index in claims.indices where answers[index] == nil {
            answers[index] = try claimOne(
                claims[index], isKnown: known.contains(claims[index].worker.text), connection)
        }
        return answers.map { $0 ?? .success(.answer(.missing)) }
    }

    /// Why runs could not be claimed. Takes no locks: workers that look at the same queue want the same runs.
    private static func reasons(
        _ runIDs: [String], _ connection: PostgresConnection
    ) throws -> [String: Result<PostgresClaimed, JournalError>] {
        guard !runIDs.isEmpty else { return [:] }
        let rows = try connection.execute(
            """
            SELECT r.id, coalesce(a.state, r.state), a.owner, coalesce(a.wake_at, 0)
            FROM runs r LEFT JOIN active a ON a.run_id = r.id WHERE r.id = ANY ($1)
            """, .texts(runIDs)
        ).rows
        var reasons: [String: Result<PostgresClaimed, JournalError>] = [:]
        for row in rows {
            let id = try row.text(0)
            let answer: Claim
            if let owner = row.optionalText(2) {
                answer = .taken(by: WorkerID(owner))
            } else if let state = row.optionalText(1).flatMap({ RunState(rawValue: $0) }) {
                answer =
                    switch state {
                    case .queued, .running: .contended
                    case .waiting: .waiting(until: try row.int(3))
                    case .succeeded, .failed, .cancelled, .skipped: .ended(state)
                    }
            } else {
                reasons[id] = .failure(.stateless(id))
                continue
            }
            reasons[id] = .success(.answer(answer))
        }
        for id in runIDs where reasons[id] == nil { reasons[id] = .success(.answer(.missing)) }
        return reasons
    }

    /// Claims one run, and finds out why it cannot be claimed. Waits for other transactions that claim it.
    private static func claimOne(
        _ claim: PostgresClaim, isKnown: Bool, _ connection: PostgresConnection
    ) throws -> Result<PostgresClaimed, JournalError> {
        if claim.limits.total != nil { try lock("limit of all", connection) }
        if claim.limits.pipeline != nil {
            let pipeline = try connection.execute(
                "SELECT pipeline FROM active WHERE run_id = $1", .text(claim.runID)
            ).first?.text(0)
            if let pipeline { try lock("limit of \(pipeline)", connection) }
        }
        let row = try connection.execute(
            """
            SELECT state, owner, pipeline, started_at IS NOT NULL, coalesce(wake_at, 0)
            FROM active WHERE run_id = $1 FOR UPDATE
            """, .text(claim.runID)
        ).first
        guard let row else {
            let ended = try connection.execute("SELECT state FROM runs WHERE id = $1", .text(claim.runID)).first
            guard let ended else { return .success(.answer(.missing)) }
            guard let state = RunState(rawValue: try ended.text(0)) else { return .failure(.stateless(claim.runID)) }
            return .success(.answer(.ended(state)))
        }
        if let owner = row.optionalText(1) { return .success(.answer(.taken(by: WorkerID(owner)))) }
        guard let state = RunState(rawValue: try row.text(0)) else { return .failure(.stateless(claim.runID)) }
        if state == .waiting { return .success(.answer(.waiting(until: try row.int(4)))) }
        let (pipeline, hasBegun) = (try row.text(2), try row.bool(3))
        if let total = claim.limits.total {
            let running = try connection.execute("SELECT count(*) FROM active WHERE owner IS NOT NULL").first?.int(0)
            if (running ?? 0) >= Int64(total) { return .success(.answer(.full)) }
        }
        if let most = claim.limits.pipeline,
            try held(in: pipeline, besides: claim.runID, hasBegun: hasBegun, connection) >= most
        {
            return .success(.answer(.busy))
        }
        guard isKnown else { return .failure(.workerUnknown(claim.worker)) }
        try connection.execute(
            """
            UPDATE active SET state = 'running', owner = $2, epoch = nextval('epochs'),
                started_at = coalesce(started_at, $3, created_at)
            WHERE run_id = $1
            """, .text(claim.runID), .text(claim.worker.text), .int(claim.time))
        let stored = try storedRuns(ids: [claim.runID], connection)[claim.runID]
        return .success(stored.map { .run($0, hasBegun: hasBegun) } ?? .answer(.missing))
    }

    /// The number of other runs that count for the limit of a pipeline: running ones and, for a run that has not
    /// started, also interrupted and waiting ones.
    private static func held(
        in pipeline: String, besides runID: String, hasBegun: Bool, _ connection: PostgresConnection
    ) throws -> Int {
        let count = try connection.execute(
            """
            SELECT count(*) FROM active
            WHERE pipeline = $1 AND run_id <> $2 AND (owner IS NOT NULL OR (NOT $3 AND started_at IS NOT NULL))
            """, .text(pipeline), .text(runID), .bool(hasBegun)
        ).first?.int(0)
        return Int(count ?? 0)
    }

    public func skipQueued(like run: RunRecord, limit: Int, at time: Int64) async throws(JournalError) -> [String] {
        try await committer.write([]) { [pipeline = run.pipeline, definition = run.definition] connection in
            try Self.lock("limit of \(pipeline)", connection)
            guard try Self.held(in: pipeline, besides: "", hasBegun: false, connection) >= limit else { return [] }
            // Those that another transaction is about to change are left to a later look.
            let ids = try connection.execute(
                """
                SELECT run_id FROM active
                WHERE state = 'queued' AND started_at IS NULL AND pipeline = $1 AND definition = $2
                ORDER BY run_id LIMIT $3 FOR UPDATE SKIP LOCKED
                """, .text(pipeline), .text(definition), .int(Int64(QueueSearch.maximumSkipped))
            ).rows.map { try $0.text(0) }
            try Self.end(ids.map { PostgresEnd(runID: $0, state: .skipped, time: time) }, connection)
            return ids
        }
    }

    // MARK: - Giving back

    public func release(_ leases: [Lease], _ reason: ReleaseReason) async throws(JournalError) -> [String] {
        soon.flush(leases)
        let released = try await committer.write(leases.map(\.runID)) { connection in
            let rows = try connection.execute(
                """
                SELECT a.run_id FROM active a JOIN unnest($1, $2, $3) AS u (run_id, owner, epoch)
                    ON u.run_id = a.run_id AND u.owner = a.owner AND u.epoch = a.epoch
                ORDER BY a.run_id FOR UPDATE OF a
                """, .texts(leases.map(\.runID)), .texts(leases.map(\.worker.text)), .ints(leases.map(\.epoch)))
            let ids = try rows.rows.map { try $0.text(0) }
            return try Self.sendBack(ids, reason, connection).map(\.id)
        }
        progress.withLock { progress in for lease in leases { progress.forget(lease) } }
        if !released.isEmpty { listener?.notify() }
        return released
    }

    /// Requeues owned runs, which are locked by this transaction.
    ///
    /// - Parameter hasDied: Whether their worker died.
    @discardableResult static func sendBack(
        _ ids: [String], _ reason: ReleaseReason, hasDied: Bool = false, _ connection: PostgresConnection
    ) throws -> [(id: String, deaths: Int)] {
        guard !ids.isEmpty else { return [] }
        let rows = try connection.execute(
            """
            UPDATE active SET state = 'queued', owner = NULL, interruptions = interruptions + 1, deaths = deaths + $2
            WHERE run_id = ANY ($1) AND owner IS NOT NULL RETURNING run_id, deaths, takeovers
            """, .texts(ids), .int(hasDied ? 1 : 0)
        ).rows.map { (id: try $0.text(0), deaths: Int(try $0.int(1)), takeovers: Int(try $0.int(2))) }
        if case .broken(let now) = reason, !rows.isEmpty {
            try connection.execute(
                """
                UPDATE active a SET takeovers = u.takeovers, wake_at = u.wake_at
                FROM unnest($1, $2, $3) AS u (run_id, takeovers, wake_at) WHERE a.run_id = u.run_id
                """, .texts(rows.map(\.id)), .ints(rows.map { Int64($0.takeovers + 1) }),
                .ints(rows.map { now + TakeoverPolicy.pause(afterTakeovers: $0.takeovers + 1).nanoseconds }))
        }
        return rows.sorted { $0.id < $1.id }.map { ($0.id, $0.deaths) }
    }

    public func wake(at time: Int64) async throws(JournalError) -> Waking {
        let (next, isSetBack) = try await readers.read { connection in
            (
                try Self.nextWake(connection),
                try connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM active WHERE \(Self.setBack))", .int(time)
                ).first?.bool(0) ?? false
            )
        }
        guard isSetBack || next.map({ $0 <= time }) ?? false else { return Waking(next: next) }
        let waking = try await committer.write([]) { connection in
            let rows = try connection.execute(
                """
                WITH due AS (
                    SELECT run_id FROM active WHERE state = 'waiting' AND wake_at <= $1 OR \(Self.setBack)
                    ORDER BY run_id FOR UPDATE SKIP LOCKED
                )
                UPDATE active a SET state = 'queued', wake_at = least(wake_at, $1)
                FROM due WHERE a.run_id = due.run_id RETURNING a.run_id
                """, .int(time))
            return Waking(woken: try rows.rows.map { try $0.text(0) }.sorted(), next: try Self.nextWake(connection))
        }
        if !waking.woken.isEmpty { listener?.notify() }
        return waking
    }

    /// The debounced runs since whose first event the clock was set back to the time $1.
    private static let setBack = """
        (state = 'waiting' AND debounce_key IS NOT NULL AND started_at IS NULL
            AND wake_at - $1 > debounce_until - created_at + \(Debounce.clockTolerance))
        """

    private static func nextWake(_ connection: PostgresConnection) throws -> Int64? {
        try connection.execute("SELECT min(wake_at) FROM active WHERE state = 'waiting'").first?.optionalInt(0)
    }

    // MARK: - Cancellation

    public func requestCancel(
        _ runID: String, mayEndFinally: Bool, at time: Int64
    ) async throws(JournalError) -> CancelAnswer {
        try await committer.write([runID]) { connection in
            let row = try connection.execute(
                """
                SELECT state, has_finally AND started_at IS NOT NULL, cancel_requested AND finally_stage > 0
                FROM active WHERE run_id = $1 FOR UPDATE
                """, .text(runID)
            ).first
            guard let row else {
                let ended = try connection.execute("SELECT state FROM runs WHERE id = $1", .text(runID)).first
                guard let ended else { return .missing }
                guard let state = RunState(rawValue: try ended.text(0)) else { throw JournalError.stateless(runID) }
                return .ended(state)
            }
            let endsFinally = try row.bool(2) && mayEndFinally
            let requested: CancelAnswer = endsFinally ? .endingFinally : .requested
            if endsFinally {
                try connection.execute("UPDATE active SET finally_stage = 2 WHERE run_id = $1", .text(runID))
            }
            switch (try row.text(0), try row.bool(1)) {
            case ("running", _):
                try connection.execute("UPDATE active SET cancel_requested = true WHERE run_id = $1", .text(runID))
                return requested
            case (_, true):
                try connection.execute(
                    "UPDATE active SET cancel_requested = true, state = 'queued', wake_at = $2 WHERE run_id = $1",
                    .text(runID), .int(time))
                return requested
            case (_, false):
                try connection.execute("UPDATE active SET cancel_requested = true WHERE run_id = $1", .text(runID))
                try Self.end([PostgresEnd(runID: runID, state: .cancelled, time: time)], connection)
                return .cancelled
            }
        }
    }

    public func cancelRequests(for worker: WorkerID) async throws(JournalError) -> [CancelRequest] {
        try await readers.read { connection in
            try connection.execute(
                """
                SELECT run_id, finally_stage = 2 FROM active WHERE owner = $1 AND cancel_requested ORDER BY run_id
                """, .text(worker.text)
            ).rows.map { CancelRequest(try $0.text(0), endsFinally: try $0.bool(1)) }
        }
    }
}
