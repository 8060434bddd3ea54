import GRDB
public import RunnelEngine
import RunnelKit

/// The sequence of ends: a run's end is numbered in the transaction that ends it (transactional outbox).
extension SQLiteJournal {
    /// Columns of `runs` that the end of a run depends on: its pipeline, and whether that is failing.
    static let endColumns = "pipeline, EXISTS (SELECT 1 FROM failing WHERE failing.pipeline = runs.pipeline)"

    /// Gives the end of a run its number. Called in the transaction that ends the run.
    static func noteEnd(of runID: String, _ state: RunState, at time: Int64, _ db: Database) throws {
        let run = try db.cachedStatement(sql: "SELECT \(endColumns) FROM runs WHERE id = ?").first([runID]) {
            (pipeline: $0.text(0) ?? "", isFailing: $0.number(1) != 0)
        }
        guard let run else { return }
        try noteEnd(of: runID, in: run.pipeline, isFailing: run.isFailing, state, at: time, db)
    }

    /// The same, where the ``endColumns`` are known.
    static func noteEnd(
        of runID: String, in pipeline: String, isFailing: Bool, _ state: RunState, at time: Int64, _ db: Database
    ) throws {
        let isRecovery = state == .succeeded && isFailing
        if isRecovery {
            try db.cachedStatement(sql: "DELETE FROM failing WHERE pipeline = ?").execute([pipeline])
        } else if state == .failed, !isFailing {
            try db.cachedStatement(sql: "INSERT OR IGNORE INTO failing (pipeline) VALUES (?)")
                .execute([pipeline])
        }
        try db.cachedStatement(
            sql: "INSERT INTO ends (run_id, pipeline, state, recovery, ended_at) VALUES (?, ?, ?, ?, ?)"
        ).execute([runID, pipeline, state.rawValue, isRecovery, time])
    }

    public func ends(after number: Int64, limit: Int) async throws(JournalError) -> [EndRecord] {
        try await read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT number, run_id, pipeline, state, recovery, ended_at FROM ends
                        WHERE number > ? ORDER BY number LIMIT ?
                        """), arguments: [number, limit]
            ).map { row in
                do {
                    return EndRecord(
                        number: try row.decode(atIndex: 0), runID: try row.decode(atIndex: 1),
                        pipeline: try row.decode(atIndex: 2),
                        state: RunState(rawValue: try row.decode(atIndex: 3)) ?? .failed,
                        isRecovery: try row.decode(atIndex: 4), endedAt: try row.decode(atIndex: 5))
                } catch {
                    throw JournalError.damaged(error)
                }
            }
        }
    }

    public func lastEnd() async throws(JournalError) -> Int64 {
        try await read { try Self.lastEnd($0) }
    }

    private static func lastEnd(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(number) FROM ends")) ?? 0
    }

    /// Removes old ends, the oldest first. The latest one stays, because numbers go on from it.
    func removeEnds(before time: Int64) async throws(JournalError) {
        let batch = 1000
        var removed = batch
        while removed > 0, !Task.isCancelled {
            let last = try await read { db -> Int64? in
                let latest = try Self.lastEnd(db)
                return try Int64.fetchOne(
                    db.cachedStatement(
                        sql: """
                            SELECT max(number)
                            FROM (SELECT number, ended_at FROM ends WHERE number < ? ORDER BY number LIMIT ?)
                            WHERE ended_at < ? OR number <= ?
                            """), arguments: [latest, batch, time, latest - EndRecord.maximumKept])
            }
            guard let last else { return }
            removed = try await committer.write { db in
                try db.cachedStatement(sql: "DELETE FROM ends WHERE number <= ?").execute([last])
                return db.changesCount
            }
        }
    }
}

/// Folding bursts of events into one run.
extension SQLiteJournal {
    /// The waiting run into which events with this key are folded; nil if there is none.
    static func foldingRun(
        of pipeline: String, _ key: String, _ db: Database
    ) throws -> (id: String, latest: Int64)? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT id, CAST(debounce_until AS INTEGER) FROM runs
                    WHERE pipeline = ? AND debounce_key = ? AND debounce_key IS NOT NULL AND state = 'waiting'
                        AND started_at IS NULL
                    """), arguments: [pipeline, key]
        ).map { (try $0.decode(atIndex: 0), try $0.decode(atIndex: 1)) }
    }

    /// Lists the event with the run, and forgets the oldest events beyond the limits. Their dedupe keys stay.
    static func list(_ event: Value, in runID: String, dedupeKey: String?, _ db: Database) throws {
        let text = ValueCoding.text(event)
        let number = try foldedCount(of: runID, db)
        let first = max(0, number - Int64(Debounce.maximumEvents) + 1)
        try db.cachedStatement(sql: "INSERT INTO folded (run_id, number, dedupe_key, event) VALUES (?, ?, ?, ?)")
            .execute([runID, number, dedupeKey, text])
        try db.cachedStatement(sql: "UPDATE folded SET event = NULL WHERE run_id = ? AND number = ?")
            .execute([runID, first - 1])
        let sizes = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT number, length(CAST(event AS BLOB)) FROM folded
                    WHERE run_id = ? AND number >= ? AND event IS NOT NULL ORDER BY number
                    """), arguments: [runID, first]
        ).map { (number: try $0.decode(Int64.self, atIndex: 0), bytes: try $0.decode(Int.self, atIndex: 1)) }
        var bytes = sizes.reduce(0) { $0 + $1.bytes }
        for size in sizes where bytes > Debounce.maximumBytes && size.number < number {
            bytes -= size.bytes
            try db.cachedStatement(sql: "UPDATE folded SET event = NULL WHERE run_id = ? AND number = ?")
                .execute([runID, size.number])
        }
    }

    private static func foldedCount(of runID: String, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT max(number) + 1 FROM folded WHERE run_id = ?"), arguments: [runID]) ?? 0
    }

    /// The listed events of a run, oldest first, and the number of all.
    static func foldedEvents(of runID: String, _ db: Database) throws -> (events: [Value], count: Int) {
        let count = try foldedCount(of: runID, db)
        let texts = try String.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT event FROM folded WHERE run_id = ? AND number >= ? AND event IS NOT NULL ORDER BY number
                    """), arguments: [runID, count - Int64(Debounce.maximumEvents)])
        return (texts.compactMap(ValueCoding.value), Int(count))
    }
}
