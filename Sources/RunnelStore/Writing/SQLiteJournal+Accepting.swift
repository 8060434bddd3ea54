import GRDB
public import RunnelEngine
import RunnelKit

extension SQLiteJournal {
    public func keep(_ definition: DefinitionRecord) async throws(JournalError) {
        let write: @Sendable (Database) throws -> Void = { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO definitions (hash, pipeline, file, text, kept_at) VALUES (?, ?, ?, ?, unixepoch())
                    ON CONFLICT (hash) DO UPDATE SET kept_at = excluded.kept_at WHERE kept_at < excluded.kept_at
                    """
            ).execute(arguments: [definition.hash, definition.pipeline, definition.file, definition.text])
        }
        // Together with the run that names it, which comes behind it.
        if !committer.writeSoon(write, finish: { _ in }) { try await committer.write(write) }
    }

    public func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord? {
        try await read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM definitions WHERE hash = ?", arguments: [hash]).map { row in
                DefinitionRecord(hash: row["hash"], pipeline: row["pipeline"], file: row["file"], text: row["text"])
            }
        }
    }

    public func accept(_ run: RunRecord, memory: MemoryChanges?) async throws(JournalError) -> Acceptance {
        let (files, trigger, inputs, input) = (files, run.trigger, run.inputs, run.input)
        let values =
            try isSmall(trigger, .object(inputs), input)
            ? StoredInput(trigger, inputs, input, files)
            : await onDisk { () throws(JournalError) in try StoredInput(trigger, inputs, input, files) }
        return try await committer.write { db in
            if let memory { try Self.remember(memory.values, of: memory.trigger, db) }
            if let key = run.dedupeKey {
                let other = try String.fetchOne(
                    db.cachedStatement(
                        sql: """
                            SELECT id FROM runs WHERE pipeline = ?1 AND dedupe_key = ?2
                            UNION ALL SELECT run_id FROM dedupe_keys WHERE pipeline = ?1 AND key = ?2 LIMIT 1
                            """), arguments: [run.pipeline, key])
                if let other { return .duplicate(runID: other) }
            }
            try files.require(values.trigger, values.inputs, values.input)
            let epoch = try run.owner.flatMap { try Self.nextEpoch(for: $0, db) }
            // A worker that counted as dead in the meantime does not own what it accepts.
            let (state, owner, startedAt) =
                epoch == nil
                ? (run.owner == nil ? run.state : .queued, nil, run.owner == nil ? run.startedAt : nil)
                : (.running, run.owner, run.startedAt ?? run.createdAt)
            try db.cachedStatement(
                sql: """
                    INSERT INTO runs (id, pipeline, definition, state, dedupe_key, "trigger", inputs, input, created_at,
                        started_at, owner, retry_of, epoch, has_finally)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                run.id, run.pipeline, run.definition, state.rawValue, run.dedupeKey, values.trigger, values.inputs,
                values.input, run.createdAt, startedAt, owner?.text, run.retryOf, epoch ?? 0, run.hasFinally,
            ])
            return epoch.map { .claimed(epoch: $0) } ?? .accepted
        }
    }

    private struct StoredInput {
        let trigger: StoredValue?
        let inputs: StoredValue?
        let input: StoredValue?

        init(_ trigger: Value, _ inputs: ValueObject, _ input: Value, _ files: OutputFiles) throws(JournalError) {
            self.trigger = try files.store(trigger)
            self.inputs = inputs.isEmpty ? nil : try files.store(.object(inputs))
            self.input = input.isNull ? nil : try files.store(input)
        }
    }

    /// Whether the values are certainly too small to become files.
    func isSmall(_ values: Value...) -> Bool {
        var budget = StoredValue.limit / 8
        return values.allSatisfy { Self.fits($0, &budget) }
    }

    private static func fits(_ value: Value, _ budget: inout Int) -> Bool {
        budget -= 8
        switch value {
        case .string(let text): budget -= text.utf8.count
        case .bytes(let bytes): budget -= bytes.count * 2
        case .list(let items): for item in items where budget > 0 { _ = fits(item, &budget) }
        case .object(let object):
            for (key, value) in object where budget > 0 {
                budget -= key.utf8.count
                _ = fits(value, &budget)
            }
        case .null, .bool, .int, .double: budget -= 24
        }
        return budget > 0
    }
}
