import GRDB
public import RunnelEngine
import RunnelSupport

extension SQLiteJournal {
    public func join(
        _ worker: WorkerRecord, replacing former: [WorkerID], at time: Int64
    ) async throws(JournalError) {
        try locks.hold(worker.id)
        do throws(JournalError) {
            try await committer.write { db in
                var isDrained = worker.isDrained
                for id in former {
                    if try Self.record(of: id, db)?.isDrained ?? false { isDrained = true }
                    try Self.forget(id, .broken(now: time), db)
                }
                try db.cachedStatement(
                    sql: """
                        INSERT OR REPLACE INTO workers (id, pid, host, role, version, started_at, beaten_at, drained)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """
                ).execute(
                    arguments: [
                        worker.id.text, worker.processID, worker.host, worker.role, worker.version, worker.startedAt,
                        WallClock.nanoseconds(), isDrained,
                    ])
            }
        } catch {
            locks.letGo(worker.id)
            throw error
        }
        for id in former { locks.letGo(id) }
    }

    public func beat(_ worker: WorkerID) async throws(JournalError) -> WorkerRecord? {
        try await committer.write { db in
            try db.cachedStatement(sql: "UPDATE workers SET beat = beat + 1, beaten_at = ? WHERE id = ?").execute(
                arguments: [WallClock.nanoseconds(), worker.text])
            guard db.changesCount > 0 else { return nil }
            // A damaged row does not end the worker.
            return (try? Self.record(of: worker, db))
                ?? WorkerRecord(id: worker, processID: 0, host: "", role: "", startedAt: 0)
        }
    }

    public func leave(_ worker: WorkerID) async throws(JournalError) {
        try await committer.write { db in
            _ = try Self.forget(worker, .stopped, db)
        }
        locks.letGo(worker)
    }

    public func observe() async throws(JournalError) -> [WorkerSight] {
        let (workers, owners, isDamaged) = try await read { db in
            let workers = try Row.fetchAll(
                db.cachedStatement(sql: "SELECT id, CAST(beat AS INTEGER) FROM workers ORDER BY id")
            ).map { (id: WorkerID(try $0.decode(atIndex: 0)), beat: try $0.decode(Int64.self, atIndex: 1)) }
            let owners = try String.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT DISTINCT owner FROM runs WHERE owner IS NOT NULL AND typeof(owner) = 'text' ORDER BY owner
                        """))
            let isDamaged = try Bool.fetchOne(
                db.cachedStatement(
                    sql: "SELECT EXISTS (SELECT 1 FROM runs WHERE owner IS NOT NULL AND typeof(owner) <> 'text')"))
            return (workers, owners.map { WorkerID($0) }, isDamaged ?? false)
        }
        if isDamaged {
            _ = try await committer.write { try Self.sendBack("typeof(owner) <> 'text'", [], .stopped, $0) }
        }
        let known = Set(workers.map(\.id))
        return workers.map { WorkerSight($0.id, beat: $0.beat, locks.presence(of: $0.id)) }
            + owners.filter { !known.contains($0) }.map { WorkerSight($0, beat: -1, .left) }
    }

    public func takeOver(from dead: [WorkerSight], _ policy: TakeoverPolicy) async throws(JournalError) -> Takeover {
        let takeover = try await committer.write { db in
            var takeover = Takeover()
            for sight in dead {
                let beat = try Int64.fetchOne(
                    db, sql: "SELECT CAST(beat AS INTEGER) FROM workers WHERE id = ?", arguments: [sight.id.text])
                // A worker may have joined under this name since, or the silent worker has recovered.
                if let beat, beat != sight.beat { continue }
                let runs = try Self.forget(
                    sight.id, .broken(now: policy.now), hasDied: sight.presence == .died, db)
                for run in runs {
                    if run.deaths > policy.deaths {
                        try Self.failKiller(run.id, deaths: run.deaths, at: policy.now, db)
                        takeover.failed.append(run.id)
                    } else {
                        takeover.queued.append(run.id)
                    }
                }
            }
            return takeover
        }
        for sight in dead where sight.presence == .died { locks.remove(sight.id) }
        return takeover
    }

    /// Requeues the worker's runs and removes the worker.
    @discardableResult private static func forget(
        _ worker: WorkerID, _ reason: ReleaseReason, hasDied: Bool = false, _ db: Database
    ) throws -> [(id: String, deaths: Int)] {
        let runs = try sendBack("owner = ?", [worker.text], reason, hasDied: hasDied, db)
        try db.cachedStatement(sql: "DELETE FROM workers WHERE id = ?").execute([worker.text])
        return runs
    }

    private static func failKiller(_ runID: String, deaths: Int, at time: Int64, _ db: Database) throws {
        let steps = try String.fetchAll(
            db, sql: "SELECT key FROM steps WHERE run_id = ? AND state = 'running' ORDER BY number", arguments: [runID])
        let error = RunError.killedItsWorker(runID, deaths: deaths, steps: steps).json
        try db.execute(
            sql: "UPDATE runs SET state = 'failed', error = ?, ended_at = ? WHERE id = ?",
            arguments: [StoredValue.text(ValueCoding.text(error)), time, runID])
        try noteEnd(of: runID, .failed, at: time, db)
    }

    public func leases(of worker: WorkerID) async throws(JournalError) -> [Lease] {
        try await read { db in
            try Row.fetchAll(
                db.cachedStatement(sql: "SELECT id, CAST(epoch AS INTEGER) FROM runs WHERE owner = ? ORDER BY id"),
                arguments: [worker.text]
            ).map { Lease(runID: try $0.decode(atIndex: 0), worker: worker, epoch: try $0.decode(atIndex: 1)) }
        }
    }

    public func workers() async throws(JournalError) -> [WorkerRecord] {
        try await read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM workers ORDER BY started_at, id").map { try Self.record($0) }
        }
    }

    private static func record(of worker: WorkerID, _ db: Database) throws -> WorkerRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM workers WHERE id = ?", arguments: [worker.text]).map(record)
    }

    private static func record(_ row: Row) throws -> WorkerRecord {
        var worker = WorkerRecord(
            id: WorkerID(try row.decode(forColumn: "id")), processID: try row.decode(forColumn: "pid"),
            host: try row.decode(forColumn: "host"), role: try row.decode(forColumn: "role"),
            version: try row.decode(forColumn: "version"), startedAt: try row.decode(forColumn: "started_at"))
        worker.isDrained = try row.decode(forColumn: "drained")
        worker.beat = try row.decode(forColumn: "beat")
        // An older version writes no times.
        let beatenAt = try row.decode(Int64.self, forColumn: "beaten_at")
        if beatenAt > 0 { worker.silence = .nanoseconds(max(0, WallClock.nanoseconds() - beatenAt)) }
        return worker
    }
}
