import GRDB
public import RunnelEngine
import RunnelKit
import Synchronization

extension SQLiteJournal {
    public func keep(_ definition: DefinitionRecord) async throws(JournalError) {
        // A recent definition is not written again: a process for one run, such as `runnel run`, then saves a write to disk.
        let isFresh = try await read { db in
            try Bool.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT EXISTS
                            (SELECT 1 FROM definitions WHERE hash = ? AND file = ? AND kept_at > unixepoch() - 3600)
                        """),
                arguments: [definition.hash, definition.file]) ?? false
        }
        if isFresh { return }
        try await committer.write { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO definitions (hash, pipeline, file, text, kept_at) VALUES (?, ?, ?, ?, unixepoch())
                    ON CONFLICT (hash) DO UPDATE SET kept_at = max(kept_at, excluded.kept_at), file = excluded.file
                        WHERE kept_at < excluded.kept_at OR file <> excluded.file
                    """
            ).execute([definition.hash, definition.pipeline, definition.file, definition.text])
        }
    }

    public func definition(_ hash: String) async throws(JournalError) -> DefinitionRecord? {
        try await read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM definitions WHERE hash = ?", arguments: [hash]).map { row in
                do {
                    return DefinitionRecord(
                        hash: try row.decode(forColumn: "hash"), pipeline: try row.decode(forColumn: "pipeline"),
                        file: try row.decode(forColumn: "file"), text: try row.decode(forColumn: "text"))
                } catch {
                    throw JournalError.damaged(error)
                }
            }
        }
    }

    public func accept(
        _ run: RunRecord, steps: [StepRecord], memory: MemoryChanges?
    ) async throws(JournalError) -> Acceptance {
        let files = files
        let values =
            try StoredValue.areSmall(run.trigger, .object(run.inputs), run.input) && steps.allSatisfy(\.isSmall)
            ? StoredRun(run, steps, files, isSmall: true)
            : await onDisk { () throws(JournalError) in try StoredRun(run, steps, files, isSmall: false) }
        let acceptance: Acceptance = try await committer.write { db in
            try files.require(values.files)
            if let memory { try Self.remember(memory.values, of: memory.trigger, db) }
            var run = run
            if let key = values.dedupeKey, let other = try Self.run(with: key, of: run.pipeline, db) {
                guard run.retriesFailed, other.mayBeRetried else { return .duplicate(runID: other.id) }
                try Self.releaseKey(key, of: run.pipeline, db)
                run.retryOf = other.id
            }
            if let debounce = run.debounce, let key = values.debounceKey,
                let other = try Self.foldingRun(of: run.pipeline, key, db)
            {
                try Self.fold(run, debounce, into: other, values, db)
                return .folded(into: other.id)
            }
            let epoch = try run.owner.flatMap { try Self.nextEpoch(for: $0, db) }
            // A worker that was declared dead meanwhile does not own the run it accepts.
            let (state, owner, startedAt) =
                epoch == nil
                ? (run.owner == nil ? run.state : .queued, nil, run.owner == nil ? run.startedAt : nil)
                : (.running, run.owner, run.startedAt ?? run.createdAt)
            try db.cachedStatement(
                sql: """
                    INSERT INTO runs (id, pipeline, definition, state, dedupe_key, "trigger", inputs, input, created_at,
                        started_at, owner, retry_of, epoch, has_finally, chain, wake_at, debounce_key, debounce_until,
                        source, source_due, priority)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute([
                run.id, run.pipeline, run.definition, state.rawValue, values.dedupeKey, values.trigger, values.inputs,
                values.input, run.createdAt, startedAt, owner?.text, run.retryOf, epoch ?? 0, run.hasFinally,
                run.chain, run.wakeAt, values.debounceKey, run.debounce?.latest,
                run.source.map { ValueCoding.text($0) }, run.isSourceDue,
                run.priority,
            ])
            if let debounce = run.debounce { try Self.list(debounce.event, in: run.id, dedupeKey: nil, db) }
            try Self.name(["trigger": values.trigger, "inputs": values.inputs, "input": values.input], of: run.id, db)
            try Self.write(values.steps, of: run.id, namesFiles: true, db)
            return epoch.map { .claimed(epoch: $0) } ?? .accepted
        }
        if case .claimed(let epoch) = acceptance, let owner = run.owner {
            let lease = Lease(runID: run.id, worker: owner, epoch: epoch)
            progress.withLock { progress in
                progress.begin(lease)
                if !steps.isEmpty { progress.setNamesFiles(lease) }
            }
        }
        return acceptance
    }

    /// The run that an event with this key has started, and whether it ended without success.
    private static func run(
        with key: String, of pipeline: String, _ db: Database
    ) throws -> (id: String, mayBeRetried: Bool)? {
        try db.cachedStatement(
            sql: """
                SELECT id, state IN ('failed', 'cancelled', 'skipped') FROM runs
                WHERE pipeline = ?1 AND dedupe_key = ?2
                UNION ALL SELECT run_id, coalesce(
                    (SELECT state IN ('failed', 'cancelled', 'skipped') FROM runs WHERE id = run_id), failed)
                FROM dedupe_keys WHERE pipeline = ?1 AND key = ?2 LIMIT 1
                """
        ).first([pipeline, key]) { ($0.text(0) ?? "", $0.number(1) != 0) }
    }

    /// Takes the key from the run that has it, so that another run can have it.
    private static func releaseKey(_ key: String, of pipeline: String, _ db: Database) throws {
        try db.cachedStatement(sql: "UPDATE runs SET dedupe_key = NULL WHERE pipeline = ? AND dedupe_key = ?")
            .execute([pipeline, key])
        try db.cachedStatement(sql: "DELETE FROM dedupe_keys WHERE pipeline = ? AND key = ?")
            .execute([pipeline, key])
    }

    /// Replaces the event and the definition of a waiting run with those of a later run.
    private static func fold(
        _ run: RunRecord, _ debounce: Debounce, into other: (id: String, latest: Int64), _ values: StoredRun,
        _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                UPDATE runs SET "trigger" = ?, inputs = ?, input = ?, definition = ?, has_finally = ?, priority = ?,
                    chain = max(chain, ?), wake_at = ?
                WHERE id = ?
                """
        ).execute([
            values.trigger, values.inputs, values.input, run.definition, run.hasFinally, run.priority, run.chain,
            min(run.wakeAt ?? 0, other.latest), other.id,
        ])
        try db.cachedStatement(
            sql: "DELETE FROM files WHERE run_id = ? AND step = 0 AND name IN ('trigger', 'inputs', 'input')"
        ).execute([other.id])
        try name(["trigger": values.trigger, "inputs": values.inputs, "input": values.input], of: other.id, db)
        try list(debounce.event, in: other.id, dedupeKey: values.dedupeKey, db)
        guard let key = values.dedupeKey else { return }
        // The key lives as long as the run, and expires when retention removes it.
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO dedupe_keys (pipeline, key, run_id, expires_at) VALUES (?, ?, ?, ?)"
        ).execute([run.pipeline, key, other.id, Int64.max])
    }

    /// Writes down which of the columns of a run's row name files.
    static func name(_ columns: KeyValuePairs<String, StoredValue?>, of runID: String, _ db: Database) throws {
        for case (let name, .file(let hash)?) in columns {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO files (run_id, step, name, hash) VALUES (?, 0, ?, ?)")
                .execute([runID, name, StoredValue.file(hash)])
        }
    }

    /// The values of a new run as its columns hold them.
    private struct StoredRun {
        let dedupeKey: String?
        let debounceKey: String?
        let trigger: StoredValue?
        let inputs: StoredValue?
        let input: StoredValue?
        let steps: [StoredStep]
        let files: [[UInt8]]

        init(
            _ run: RunRecord, _ steps: [StepRecord], _ files: OutputFiles, isSmall: Bool
        ) throws(JournalError) {
            dedupeKey = run.dedupeKey.map(StoredKey.column)
            debounceKey = run.debounce.map { StoredKey.column($0.key) }
            let folded = RepeatedParts.fold(trigger: run.trigger, input: run.input)
            trigger = try files.store(folded?.trigger ?? run.trigger, isSmall: isSmall)
            inputs = run.inputs.isEmpty ? nil : try files.store(.object(run.inputs), isSmall: isSmall)
            if let folded {
                input = folded.input
            } else {
                input = run.input.isNull ? nil : try files.store(run.input, isSmall: isSmall)
            }
            self.steps = try StoredStep.all(steps, files, isSmall: isSmall)
            self.files = [trigger, inputs, input].compactMap { $0?.file } + self.steps.flatMap(\.files)
        }
    }
}
