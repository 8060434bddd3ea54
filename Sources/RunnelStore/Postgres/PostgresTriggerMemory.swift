import PostgresClient
public import RunnelEngine
public import RunnelKit

extension PostgresJournal {
    public func memory(of trigger: TriggerID) -> any TriggerMemory {
        PostgresTriggerMemory(journal: self, trigger: trigger)
    }

    /// The statements that change what triggers remember.
    static func remembering(_ changes: [TriggerID: [String: Value?]]) -> [PostgresStatement] {
        // Sorted, so that two transactions do not wait for each other.
        let all = changes.flatMap { trigger, values in
            values.map { (trigger: trigger, key: StoredKey.column($0.key), value: $0.value) }
        }.sorted { ($0.trigger.pipeline, $0.trigger.key, $0.key) < ($1.trigger.pipeline, $1.trigger.key, $1.key) }
        let (set, removed) = (all.filter { $0.value != nil }, all.filter { $0.value == nil })
        var statements: [PostgresStatement] = []
        if !set.isEmpty {
            statements.append(
                PostgresStatement(
                    """
                    INSERT INTO trigger_memory (pipeline, "trigger", key, value) SELECT * FROM unnest($1, $2, $3, $4)
                    ON CONFLICT (pipeline, "trigger", key) DO UPDATE SET value = excluded.value
                    """, .texts(set.map(\.trigger.pipeline)), .texts(set.map(\.trigger.key)), .texts(set.map(\.key)),
                    .texts(set.map { $0.value.map(ValueCoding.text) })))
        }
        if !removed.isEmpty {
            statements.append(
                PostgresStatement(
                    """
                    DELETE FROM trigger_memory t USING unnest($1, $2, $3) AS u (pipeline, "trigger", key)
                    WHERE t.pipeline = u.pipeline AND t."trigger" = u."trigger" AND t.key = u.key
                    """, .texts(removed.map(\.trigger.pipeline)), .texts(removed.map(\.trigger.key)),
                    .texts(removed.map(\.key))))
        }
        return statements
    }
}

/// The stored state of a trigger in the journal.
private struct PostgresTriggerMemory: TriggerMemory {
    let journal: PostgresJournal
    let trigger: TriggerID

    func value(for key: String) async throws -> Value? {
        try await values("key = $3", StoredKey.column(key)).first?.value
    }

    func values(prefix: String) async throws -> [(key: String, value: Value)] {
        // Compared by code point; U+10FFFF is the largest.
        let prefix = StoredKey.column(prefix)
        return try await values("key >= $3 AND key < $4", prefix, prefix + "\u{10FFFF}")
    }

    func values(prefix: String, after key: String?, limit: Int) async throws -> [(key: String, value: Value)] {
        let prefix = StoredKey.column(prefix)
        return try await values(
            "key >= $3 AND key < $4 AND key > $5", prefix, prefix + "\u{10FFFF}", StoredKey.column(key ?? ""),
            limit: max(0, limit))
    }

    private func values(
        _ condition: String, _ arguments: String..., limit: Int = .max
    ) async throws -> [(key: String, value: Value)] {
        let trigger = trigger
        return try await journal.readers.read { connection in
            try connection.execute(
                PostgresStatement(
                    """
                    SELECT key, value FROM trigger_memory
                    WHERE pipeline = $1 AND "trigger" = $2 AND \(condition) ORDER BY key LIMIT \(limit)
                    """, parameters: [.text(trigger.pipeline), .text(trigger.key)] + arguments.map { .text($0) })
            ).rows.compactMap { row in
                let key = StoredKey.key(try row.text(0))
                return ValueCoding.value(try row.text(1)).map { (key, $0) }
            }
        }
    }

    func set(_ changes: [String: Value?]) async throws {
        let statements = PostgresJournal.remembering([trigger: changes])
        try await journal.committer.write(nil) { _ = try $0.pipeline(statements) }
    }
}
