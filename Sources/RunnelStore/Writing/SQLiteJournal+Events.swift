import GRDB
public import RunnelEngine
public import RunnelKit

/// What outlives a run of its trigger event: where its source is, and the names under which events are known.
extension SQLiteJournal {
    public func relocate(_ runID: String, to source: Value, isDue: Bool) async throws(JournalError) {
        let text = ValueCoding.text(source)
        try await committer.write { db in
            try db.cachedStatement(sql: "UPDATE runs SET source = ?, source_due = ? WHERE id = ?")
                .execute([text, isDue, runID])
        }
    }

    public func endedRetries(after runID: String, limit: Int) async throws(JournalError) -> [String] {
        try await read { db in
            try String.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id FROM runs WHERE source_due = 1 AND ended_at IS NOT NULL AND id > ?
                        ORDER BY id LIMIT ?
                        """), arguments: [runID, limit])
        }
    }

    public func move(memoryOf trigger: TriggerID, to other: TriggerID) async throws(JournalError) {
        try await committer.write { db in
            try db.execute(
                sql: """
                    UPDATE trigger_memory SET pipeline = ?1, "trigger" = ?2
                    WHERE pipeline = ?3 AND "trigger" = ?4
                        AND NOT EXISTS (SELECT 1 FROM trigger_memory WHERE pipeline = ?1 AND "trigger" = ?2)
                    """, arguments: [other.pipeline, other.key, trigger.pipeline, trigger.key])
        }
    }

    public func rename(
        pipeline: String, to name: String, keepingKeysUntil expiry: Int64
    ) async throws(JournalError) {
        try await committer.write { db in
            for table in ["trigger_memory", "disabled_triggers", "failing"] {
                try db.execute(
                    sql: "UPDATE OR REPLACE \(table) SET pipeline = ? WHERE pipeline = ?", arguments: [name, pipeline])
            }
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO dedupe_keys (pipeline, key, run_id, expires_at, failed)
                    SELECT ?1, dedupe_key, id, ?3, state IN ('failed', 'cancelled', 'skipped') FROM runs
                    WHERE pipeline = ?2 AND dedupe_key IS NOT NULL
                    UNION ALL SELECT ?1, key, run_id, iif(expires_at = ?4, ?3, expires_at), failed
                    FROM dedupe_keys WHERE pipeline = ?2
                    """, arguments: [name, pipeline, expiry, Int64.max])
        }
    }
}
