import GRDB
public import RunnelEngine

extension SQLiteJournal {
    public var operators: any OperatorRecords { SQLiteOperatorRecords(journal: self) }
}

/// The records of operators, in the tables `run_hours`, `audit` and `seen`.
private struct SQLiteOperatorRecords: OperatorRecords {
    let journal: SQLiteJournal

    func hours(since time: Int64) async throws(JournalError) -> [HourCount] {
        try await journal.read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT hour, pipeline, state, runs FROM run_hours WHERE hour >= ? ORDER BY hour, pipeline, state
                        """), arguments: [HourCount.hour(of: time)]
            ).compactMap { row in
                guard let state = RunState(rawValue: try row.decode(String.self, atIndex: 2)) else { return nil }
                return HourCount(
                    hour: try row.decode(atIndex: 0), pipeline: try row.decode(atIndex: 1), state: state,
                    runs: try row.decode(atIndex: 3))
            }
        }
    }

    func append(_ entry: AuditEntry) async throws(JournalError) {
        try await journal.committer.write { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO audit (time, caller, origin, action, subject, outcome) VALUES (?, ?, ?, ?, ?, ?)
                    """
            ).execute([entry.time, entry.caller, entry.origin, entry.action, entry.subject, entry.outcome])
        }
    }

    func audit(before number: Int64?, limit: Int) async throws(JournalError) -> [AuditEntry] {
        try await journal.read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT number, time, caller, origin, action, subject, outcome FROM audit
                        WHERE number < ? ORDER BY number DESC LIMIT ?
                        """), arguments: [number ?? .max, limit]
            ).map { row in
                var entry = AuditEntry(
                    time: try row.decode(atIndex: 1), caller: try row.decode(atIndex: 2),
                    origin: try row.decode(atIndex: 3), action: try row.decode(atIndex: 4),
                    subject: try row.decode(atIndex: 5), outcome: try row.decode(atIndex: 6))
                entry.number = try row.decode(atIndex: 0)
                return entry
            }
        }
    }

    func seen(by caller: String) async throws(JournalError) -> Int64? {
        try await journal.read { db in
            try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT until FROM seen WHERE caller = ?"), arguments: [caller])
        }
    }

    func setSeen(by caller: String, until time: Int64) async throws(JournalError) {
        try await journal.committer.write { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO seen (caller, until) VALUES (?, ?)
                    ON CONFLICT (caller) DO UPDATE SET until = max(until, excluded.until)
                    """
            ).execute([caller, time])
        }
    }

    func disabledTriggers() async throws(JournalError) -> Set<TriggerID> {
        try await journal.read { db in
            let rows = try Row.fetchAll(db.cachedStatement(sql: "SELECT pipeline, \"trigger\" FROM disabled_triggers"))
            return Set(try rows.map { TriggerID(pipeline: try $0.decode(atIndex: 0), key: try $0.decode(atIndex: 1)) })
        }
    }

    func setTrigger(_ trigger: TriggerID, isEnabled: Bool) async throws(JournalError) {
        try await journal.committer.write { db in
            try db.cachedStatement(
                sql: isEnabled
                    ? "DELETE FROM disabled_triggers WHERE pipeline = ? AND \"trigger\" = ?"
                    : "INSERT OR IGNORE INTO disabled_triggers (pipeline, \"trigger\") VALUES (?, ?)"
            ).execute([trigger.pipeline, trigger.key])
        }
    }

    func setWorker(_ worker: WorkerID, isDrained: Bool) async throws(JournalError) -> Bool {
        try await journal.committer.write { db in
            try db.cachedStatement(sql: "UPDATE workers SET drained = ? WHERE id = ?").execute(
                arguments: [isDrained, worker.text])
            return db.changesCount > 0
        }
    }
}
