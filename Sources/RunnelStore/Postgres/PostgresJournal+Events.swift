import PostgresClient
public import RunnelEngine
public import RunnelKit

/// What outlives a run of its trigger event: where its source is, and the names under which events are known.
extension PostgresJournal {
    public func relocate(_ runID: String, to source: Value, isDue: Bool) async throws(JournalError) {
        let text = ValueCoding.text(source)
        try await committer.write([runID]) { connection in
            _ = try connection.execute(
                "UPDATE runs SET source = $2, source_due = $3 WHERE id = $1", .text(runID), .text(text), .bool(isDue))
        }
    }

    public func endedRetries(after runID: String, limit: Int) async throws(JournalError) -> [String] {
        try await readers.read { connection in
            try connection.execute(
                "SELECT id FROM runs WHERE source_due AND ended_at IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
                .text(runID), .int(Int64(limit))
            ).rows.map { try $0.text(0) }
        }
    }

    public func move(memoryOf trigger: TriggerID, to other: TriggerID) async throws(JournalError) {
        try await committer.write(nil) { connection in
            _ = try connection.execute(
                """
                UPDATE trigger_memory SET pipeline = $1, "trigger" = $2
                WHERE pipeline = $3 AND "trigger" = $4
                    AND NOT EXISTS (SELECT 1 FROM trigger_memory WHERE pipeline = $1 AND "trigger" = $2)
                """, .text(other.pipeline), .text(other.key), .text(trigger.pipeline), .text(trigger.key))
        }
    }

    public func rename(
        pipeline: String, to name: String, keepingKeysUntil expiry: Int64
    ) async throws(JournalError) {
        try await committer.write(nil) { connection in
            var statements: [PostgresStatement] = []
            for (table, same) in [
                ("trigger_memory", #"AND o."trigger" = n."trigger" AND o.key = n.key"#),
                ("disabled_triggers", #"AND o."trigger" = n."trigger""#), ("failing", ""),
            ] {
                // What is known at the old name wins.
                statements.append(
                    PostgresStatement(
                        """
                        DELETE FROM \(table) n USING \(table) o WHERE n.pipeline = $1 AND o.pipeline = $2 \(same)
                        """, .text(name), .text(pipeline)))
                statements.append(
                    PostgresStatement(
                        "UPDATE \(table) SET pipeline = $1 WHERE pipeline = $2", .text(name), .text(pipeline)))
            }
            statements.append(
                PostgresStatement(
                    """
                    INSERT INTO dedupe_keys (pipeline, key, run_id, expires_at, failed)
                    SELECT $1, k.key, k.run_id, coalesce(k.expires_at, $3),
                        k.failed OR coalesce(r.state IN ('failed', 'cancelled', 'skipped'), false)
                    FROM dedupe_keys k LEFT JOIN runs r ON r.id = k.run_id WHERE k.pipeline = $2
                    ON CONFLICT (pipeline, key) DO NOTHING
                    """, .text(name), .text(pipeline), .int(expiry)))
            _ = try connection.pipeline(statements)
        }
    }
}
