import GRDB
public import RunnelEngine
public import RunnelKit

extension SQLiteJournal {
    public func memory(of trigger: TriggerID) -> any TriggerMemory {
        SQLiteTriggerMemory(journal: self, trigger: trigger)
    }

    static func remember(_ values: [String: Value?], of trigger: TriggerID, _ db: Database) throws {
        for (key, value) in values {
            let key = StoredKey.column(key)
            if let value {
                try db.cachedStatement(
                    sql: """
                        INSERT INTO trigger_memory (pipeline, "trigger", key, value) VALUES (?, ?, ?, ?)
                        ON CONFLICT (pipeline, "trigger", key) DO UPDATE SET value = excluded.value
                        """
                ).execute([trigger.pipeline, trigger.key, key, ValueCoding.text(value)])
            } else {
                try db.cachedStatement(
                    sql: "DELETE FROM trigger_memory WHERE pipeline = ? AND \"trigger\" = ? AND key = ?"
                ).execute([trigger.pipeline, trigger.key, key])
            }
        }
    }
}

/// The stored state of a trigger in the journal.
private struct SQLiteTriggerMemory: TriggerMemory {
    let journal: SQLiteJournal
    let trigger: TriggerID

    func value(for key: String) async throws -> Value? {
        try await values("key = ?", StoredKey.column(key)).first?.value
    }

    func values(prefix: String) async throws -> [(key: String, value: Value)] {
        // Compared by code point; U+10FFFF is the largest.
        let prefix = StoredKey.column(prefix)
        return try await values("key >= ? AND key < ?", prefix, prefix + "\u{10FFFF}")
    }

    func values(prefix: String, after key: String?, limit: Int) async throws -> [(key: String, value: Value)] {
        let prefix = StoredKey.column(prefix)
        return try await values(
            "key >= ? AND key < ? AND key > ?", prefix, prefix + "\u{10FFFF}", StoredKey.column(key ?? ""),
            limit: max(0, limit))
    }

    private func values(
        _ condition: String, _ arguments: String..., limit: Int = .max
    ) async throws -> [(key: String, value: Value)] {
        let trigger = trigger
        return try await journal.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT key, value FROM trigger_memory
                    WHERE pipeline = ? AND "trigger" = ? AND \(condition) ORDER BY key LIMIT \(limit)
                    """, arguments: StatementArguments([trigger.pipeline, trigger.key] + arguments)
            ).compactMap { row in
                guard let key = try? row.decode(String.self, atIndex: 0),
                    let text = try? row.decode(String.self, atIndex: 1)
                else { return nil }
                return ValueCoding.value(text).map { (StoredKey.key(key), $0) }
            }
        }
    }

    func set(_ changes: [String: Value?]) async throws {
        let trigger = trigger
        try await journal.committer.write { try SQLiteJournal.remember(changes, of: trigger, $0) }
    }
}
