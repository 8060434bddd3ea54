import PostgresClient
public import RunnelEngine
import RunnelKit
import RunnelSupport

extension PostgresJournal {
    public func join(
        _ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64
    ) async throws(JournalError) {
        try locks?.hold(worker.id)
        do throws(JournalError) {
            let holdsLock = listener != nil
            try await committer.write([]) { connection in
                let wasDrained = try connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM workers WHERE id = ANY ($1) AND drained)",
                    .texts(former.map(\.text))
                ).first?.bool(0)
                for id in former.sorted(by: { $0.text < $1.text }) {
                    try Self.forget(id, .broken(now: time), connection)
                }
                try connection.execute(
                    """
                    INSERT INTO workers (id, pid, host, role, started_at, holds_lock, version, drained, clock_lead)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, \(Self.clockLead("$9")))
                    ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, host = excluded.host, role = excluded.role,
                        started_at = excluded.started_at, holds_lock = excluded.holds_lock, version = excluded.version,
                        drained = excluded.drained, clock_lead = excluded.clock_lead, beat = 0, beaten_at = now()
                    """, .text(worker.id.text), .int(Int64(worker.processID)), .text(worker.host), .text(worker.role),
                    .int(worker.startedAt), .bool(holdsLock), .text(worker.version),
                    .bool(worker.isDrained || wasDrained ?? false), .int(WallClock.nanoseconds()))
            }
        } catch {
            locks?.letGo(worker.id)
            throw error
        }
        listener?.setWorkers { workers in
            workers.subtract(former)
            workers.insert(worker.id)
        }
        for id in former { locks?.letGo(id) }
        if !former.isEmpty { listener?.notify() }
    }

    public func beat(_ worker: WorkerID) async throws(JournalError) -> WorkerRecord? {
        try await committer.write([]) { connection in
            // The time is taken here, so that the wait for the transaction does not count as a wrong clock.
            try connection.execute(
                """
                UPDATE workers SET beat = beat + 1, beaten_at = now(), clock_lead = \(Self.clockLead("$2"))
                WHERE id = $1 RETURNING \(Self.columns)
                """, .text(worker.text), .int(WallClock.nanoseconds())
            ).first.map(Self.record)
        }
    }

    /// The difference to the database's clock of a time in nanoseconds since 1970.
    private static func clockLead(_ time: String) -> String {
        "(\(time) - floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000)"
    }

    public func leave(_ worker: WorkerID) async throws(JournalError) {
        let released = try await committer.write(nil) { connection in
            try Self.forget(worker, .stopped, connection).count
        }
        listener?.setWorkers { $0.remove(worker) }
        locks?.letGo(worker)
        if released > 0 { listener?.notify() }
    }

    public func observe() async throws(JournalError) -> [WorkerSight] {
        let (workers, strays) = try await readers.read { connection in
            let results = try connection.pipeline([
                PostgresStatement("SELECT id, beat, host FROM workers ORDER BY id"),
                PostgresStatement(
                    """
                    SELECT DISTINCT owner FROM active
                    WHERE owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = owner) ORDER BY owner
                    """),
            ])
            return (
                try results[0].rows.map { (id: WorkerID(try $0.text(0)), beat: try $0.int(1), host: try $0.text(2)) },
                try results[1].rows.map { WorkerID(try $0.text(0)) }
            )
        }
        return workers.map { WorkerSight($0.id, beat: $0.beat, presence(of: $0.id, on: $0.host)) }
            + strays.map { WorkerSight($0, beat: -1, .left) }
    }

    /// What is known at once of a process. That another machine's ended is known by its silence alone.
    private func presence(of worker: WorkerID, on host: String) -> WorkerSight.Presence {
        guard let locks, host == self.host else { return .present }
        // Without a file, it is a process of another project's folder, or of a container of the same name.
        return locks.presence(of: worker) == .died ? .died : .present
    }

    public func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) async throws(JournalError) -> Takeover {
        let sights = dead.sorted { $0.id.text < $1.id.text }
        let takeover = try await committer.write([]) { connection in
            var takeover = Takeover()
            for sight in sights {
                let row = try connection.execute(
                    "SELECT beat, holds_lock FROM workers WHERE id = $1 FOR UPDATE", .text(sight.id.text)
                ).first
                // A worker may have joined under this name since, or the silent worker has recovered.
                if let row, try row.int(0) != sight.beat { continue }
                var hasDied = sight.presence == .died
                if sight.presence == .present, let row, try row.bool(1) {
                    // It is silent, and its session has ended as well: its process did not just stand still.
                    hasDied =
                        try connection.execute(
                            "SELECT pg_try_advisory_xact_lock(\(PostgresListener.lockKey))", .text(sight.id.text)
                        ).first?.bool(0) ?? false
                }
                let runs = try Self.forget(sight.id, .broken(now: policy.now), hasDied: hasDied, connection)
                for run in runs {
                    if run.deaths > policy.deaths {
                        try Self.failKiller(run.id, deaths: run.deaths, at: policy.now, connection)
                        takeover.failed.append(run.id)
                    } else {
                        takeover.queued.append(run.id)
                    }
                }
            }
            return takeover
        }
        for sight in dead where sight.presence == .died { locks?.remove(sight.id) }
        if !takeover.queued.isEmpty { listener?.notify() }
        return takeover
    }

    /// Requeues the worker's runs and removes the worker.
    @discardableResult private static func forget(
        _ worker: WorkerID, _ reason: ReleaseReason, hasDied: Bool = false, _ connection: PostgresConnection
    ) throws -> [(id: String, deaths: Int)] {
        let owned = try connection.execute(
            "SELECT run_id FROM active WHERE owner = $1 ORDER BY run_id FOR UPDATE", .text(worker.text)
        ).rows.map { try $0.text(0) }
        let runs = try sendBack(owned, reason, hasDied: hasDied, connection)
        // Its host may be back in a moment; see ``queued(_:)``.
        try connection.execute(
            """
            WITH gone AS (DELETE FROM workers WHERE id = $1 RETURNING host, role)
            INSERT INTO hosts (host, left_at) SELECT host, now() FROM gone WHERE role = 'serve'
            ON CONFLICT (host) DO UPDATE SET left_at = excluded.left_at
            """, .text(worker.text))
        return runs
    }

    private static func failKiller(
        _ runID: String, deaths: Int, at time: Int64, _ connection: PostgresConnection
    ) throws {
        let steps = try connection.execute(
            "SELECT key FROM steps WHERE run_id = $1 AND state = 'running' ORDER BY number", .text(runID)
        ).rows.map { try $0.text(0) }
        let error = PostgresValue(RunError.killedItsWorker(runID, deaths: deaths, steps: steps).json)
        try connection.pipeline(PostgresRows.blobs(error.blob.map { [(runID, $0)] } ?? []))
        try end([PostgresEnd(runID: runID, state: .failed, error: error, time: time)], connection)
    }

    public func leases(of worker: WorkerID) async throws(JournalError) -> [Lease] {
        try await readers.read { connection in
            try connection.execute(
                "SELECT run_id, epoch FROM active WHERE owner = $1 ORDER BY run_id", .text(worker.text)
            ).rows.map { Lease(runID: try $0.text(0), worker: worker, epoch: try $0.int(1)) }
        }
    }

    public func workers() async throws(JournalError) -> [WorkerRecord] {
        try await readers.read { connection in
            try connection.execute(
                PostgresStatement("SELECT \(Self.columns) FROM workers ORDER BY started_at, id")
            ).rows.map(Self.record)
        }
    }

    /// In the order in which ``record(_:)`` reads them.
    private static let columns = """
        id, pid, host, role, started_at, version, drained, beat, clock_lead,
        floor(extract(epoch FROM clock_timestamp() - beaten_at) * 1000000)::bigint
        """

    private static func record(_ row: PostgresRow) throws -> WorkerRecord {
        var worker = WorkerRecord(
            id: WorkerID(try row.text(0)), processID: Int32(clamping: try row.int(1)), host: try row.text(2),
            role: try row.text(3), version: try row.text(5), startedAt: try row.int(4))
        worker.isDrained = try row.bool(6)
        worker.beat = try row.int(7)
        worker.clockLead = try row.optionalInt(8).map { .nanoseconds($0) }
        worker.silence = .microseconds(max(0, try row.int(9)))
        return worker
    }
}
