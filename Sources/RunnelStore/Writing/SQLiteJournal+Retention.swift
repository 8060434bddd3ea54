import GRDB
public import RunnelEngine
import RunnelKit

extension SQLiteJournal {
    /// The maximum duration of a retention transaction, and the pause for other writers before the next one.
    private static let slice = Duration.milliseconds(20)
    private static let batch = 100
    /// The number of steps removed between checks of the time; each may hold three values of ``StoredValue/limit``.
    private static let stepBatch = 50
    /// The minimum age in seconds of an unreferenced file, which may belong to a row that is about to be written.
    private static let fileAge = 30
    /// The same for a file that was referenced until now. In seconds.
    private static let namedFileAge = 5
    /// The minimum time that an ended run is kept for those waiting for its end, even if the journal is too large.
    private static let youngest = Duration.seconds(10)
    /// The minimum age in seconds of an unreferenced definition, which may belong to a run that is about to be
    /// accepted.
    private static let definitionAge: Int64 = 86_400

    public func prune(
        _ retention: Retention, now: Int64, within limit: Duration?
    ) async throws(JournalError) -> PruneReport {
        let clock = ContinuousClock()
        let end = limit.map { clock.now + $0 }
        let isOver = { Task.isCancelled || end.map { clock.now >= $0 } ?? false }
        let before = try await size(named: false)
        // Files first: removing them needs no space on a full disk.
        try await removeFiles()
        var runs = 0
        while !isOver() {
            let ids = try await read { try Self.superfluous(retention, now: now, $0) }
            if ids.isEmpty { break }
            runs += try await remove(ids, retention, now: now).runs
        }
        if let bytes = retention.bytes { runs += try await prune(to: bytes, retention, now: now, until: isOver) }
        try await removeExpired("dedupe_keys", "expires_at < ?", [now], key: "pipeline, key")
        try await removeEnds(before: now - retention.dedupe.nanoseconds)
        // Whole hours, so that the sums are those of the calls.
        let hour = HourCount.hour(of: now - retention.usage.nanoseconds)
        try await removeExpired("usage", "at < ?", [hour])
        for length in UsageQuery.keptPeriods {
            try await removeExpired("usage_sums", "length = ? AND starts_at < ?", [length, hour])
        }
        try await removeExpired("run_hours", "hour < ?", [hour], key: "hour, pipeline, state")
        try await removeExpired("step_memory", "expires_at < ?", [now])
        try await removeDeliveries(retention, now: now)
        if runs > 0 {
            try await removeDefinitions(now: now)
            try await giveBackSpace()
            try await removeFiles()
        }
        return PruneReport(runs: runs, bytes: max(0, before - (try await size(named: false))))
    }

    /// Removes the oldest runs of all pipelines down to nine tenths of the limit, so that it is not reached again at
    /// once.
    private func prune(
        to bytes: Int64, _ retention: Retention, now: Int64, until isOver: () -> Bool
    ) async throws(JournalError) -> Int {
        guard try await size(named: true) > bytes else { return 0 }
        try await giveBackSpace(everything: true)
        let size = try await size(named: true)
        guard size > bytes else { return 0 }
        var excess = size - bytes / 10 * 9
        var runs = 0
        while excess > 0, !isOver() {
            let (ids, used) = try await read { db in
                (try Self.oldest(db, now: now), try Self.usedBytes(db))
            }
            if ids.isEmpty { break }
            let removed = try await remove(ids, retention, now: now)
            runs += removed.runs
            excess -= max(0, used - (try await read { try Self.usedBytes($0) })) + removed.fileBytes
        }
        try await giveBackSpace(everything: true)
        return runs
    }

    // MARK: - Runs

    /// Excludes runs that ended after the time `?` and whose trigger has not been notified; see
    /// ``endedRetries(after:limit:)``. They are few, and an index lists them.
    private static let isSettled = "id NOT IN (SELECT id FROM runs WHERE source_due = 1 AND ended_at > ?)"

    /// Runs beyond the limits on age or count.
    private static func superfluous(_ retention: Retention, now: Int64, _ db: Database) throws -> [String] {
        var ids: [String] = []
        let due = now - Retention.dueRetries.nanoseconds
        for pipeline in try pipelines(db) where ids.count < batch {
            if let age = retention.age {
                ids += try String.fetchAll(
                    db.cachedStatement(
                        sql: """
                            SELECT id FROM runs WHERE pipeline = ? AND ended_at < ? AND \(isSettled)
                            ORDER BY ended_at, id LIMIT ?
                            """), arguments: [pipeline, now - age.nanoseconds, due, batch])
            }
            if let count = retention.count, ids.isEmpty {
                ids += try String.fetchAll(
                    db.cachedStatement(
                        sql: """
                            SELECT id FROM runs WHERE pipeline = ? AND ended_at IS NOT NULL AND \(isSettled)
                            ORDER BY ended_at DESC, id DESC LIMIT ? OFFSET ?
                            """), arguments: [pipeline, due, batch, count])
            }
        }
        return ids
    }

    private static func oldest(_ db: Database, now: Int64) throws -> [String] {
        let count = 20
        let (limit, due) = (now - youngest.nanoseconds, now - Retention.dueRetries.nanoseconds)
        var runs: [(id: String, endedAt: Int64)] = []
        for pipeline in try pipelines(db) {
            runs += try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id, CAST(ended_at AS INTEGER) FROM runs
                        WHERE pipeline = ? AND ended_at < ? AND \(isSettled) ORDER BY ended_at, id LIMIT ?
                        """), arguments: [pipeline, limit, due, count]
            ).map { (try $0.decode(atIndex: 0), try $0.decode(atIndex: 1)) }
        }
        return runs.sorted { $0.endedAt < $1.endedAt }.prefix(count).map(\.id)
    }

    /// The pipelines with ended runs, by a skip scan of the index.
    private static func pipelines(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db.cachedStatement(
                sql: """
                    WITH RECURSIVE names (name) AS (
                        SELECT min(pipeline) FROM runs WHERE ended_at IS NOT NULL
                        UNION ALL
                        SELECT (SELECT min(pipeline) FROM runs WHERE ended_at IS NOT NULL AND pipeline > name)
                        FROM names WHERE name IS NOT NULL
                    )
                    SELECT name FROM names WHERE name IS NOT NULL
                    """))
    }

    /// Removes as many runs as fit into one transaction. If it is killed in between, some steps of an ended run are
    /// gone; the next call removes the rest.
    private func remove(
        _ ids: [String], _ retention: Retention, now: Int64
    ) async throws(JournalError) -> (runs: Int, fileBytes: Int64) {
        let (runs, hashes) = try await committer.write { db in
            let clock = ContinuousClock()
            let end = clock.now + Self.slice
            var runs = 0
            var hashes: Set<[UInt8]> = []
            removing: for id in ids {
                hashes.formUnion(try Self.namedFiles(db, where: "run_id = ?", [id]))
                while true {
                    try db.cachedStatement(
                        sql: """
                            DELETE FROM steps WHERE number IN (SELECT number FROM steps WHERE run_id = ? LIMIT ?)
                            """
                    ).execute([id, Self.stepBatch])
                    if db.changesCount == 0 { break }
                    // Checked after a batch, so that every call makes progress, even on a slow disk.
                    if clock.now >= end { break removing }
                }
                for table in ["events", "folded"] {
                    try db.cachedStatement(sql: "DELETE FROM \(table) WHERE run_id = ?").execute([id])
                }
                // The dedupe keys of folded events, and those copied to a new name of the pipeline.
                try db.cachedStatement(
                    sql: """
                        UPDATE dedupe_keys SET (expires_at, failed) = (
                            SELECT ended_at + ?1, state IN ('failed', 'cancelled', 'skipped') FROM runs WHERE id = ?2)
                        WHERE run_id = ?2 AND EXISTS (SELECT 1 FROM runs WHERE id = ?2 AND ended_at IS NOT NULL)
                        """
                ).execute([retention.dedupe.nanoseconds, id])
                try db.cachedStatement(
                    sql: """
                        INSERT OR REPLACE INTO dedupe_keys (pipeline, key, run_id, expires_at, failed)
                        SELECT pipeline, dedupe_key, id, ended_at + ?, state IN ('failed', 'cancelled', 'skipped')
                        FROM runs
                        WHERE id = ? AND dedupe_key IS NOT NULL AND ended_at + ? > ?
                        """
                ).execute([retention.dedupe.nanoseconds, id, retention.dedupe.nanoseconds, now])
                try db.cachedStatement(sql: "DELETE FROM runs WHERE id = ? AND ended_at IS NOT NULL")
                    .execute([id])
                guard db.changesCount > 0 else { continue }
                runs += 1
                try db.cachedStatement(sql: "DELETE FROM files WHERE run_id = ?").execute([id])
                if clock.now >= end { break }
            }
            return (runs, try hashes.filter { try !Self.isNamed($0, db) })
        }
        let files = files
        let bytes = try await onDisk { () throws(JournalError) in
            hashes.reduce(0) { $0 + (FileSystem.facts(files.path(of: $1))?.size ?? 0) }
        }
        try await remove(files: Array(hashes), olderThan: Self.namedFileAge)
        try? await ContinuousClock().sleep(for: Self.slice)
        return (runs, bytes)
    }

    private func removeExpired(
        _ table: String, _ condition: String, _ arguments: [Int64], key: String = "rowid"
    ) async throws(JournalError) {
        let isThere: @Sendable (Database) throws -> Bool = { db in
            try Bool.fetchOne(
                db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE \(condition))"),
                arguments: StatementArguments(arguments)) ?? false
        }
        while !Task.isCancelled, try await read(isThere) {
            try await committer.write { db in
                try db.cachedStatement(
                    sql: """
                        DELETE FROM \(table)
                        WHERE (\(key)) IN (SELECT \(key) FROM \(table) WHERE \(condition) LIMIT 1000)
                        """
                ).execute(arguments: StatementArguments(arguments))
            }
            try? await ContinuousClock().sleep(for: Self.slice)
        }
    }

    /// The newest definition of each file stays: the next run will reference it.
    private func removeDefinitions(now: Int64) async throws(JournalError) {
        let oldest = now / 1_000_000_000 - Self.definitionAge
        let hashes = try await read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT hash FROM definitions AS old
                    WHERE kept_at < ? AND EXISTS (
                        SELECT 1 FROM definitions AS new
                        WHERE new.pipeline = old.pipeline AND new.file = old.file AND new.kept_at > old.kept_at
                    ) AND NOT EXISTS (SELECT 1 FROM runs WHERE definition = old.hash)
                    """, arguments: [oldest])
        }
        guard !hashes.isEmpty else { return }
        try await committer.write { db in
            // A run may have been accepted meanwhile; its definition then has a newer `kept_at`.
            for hash in hashes {
                try db.cachedStatement(sql: "DELETE FROM definitions WHERE hash = ? AND kept_at < ?")
                    .execute([hash, oldest])
            }
        }
    }

    // MARK: - Files

    static func namedFiles(
        _ db: Database, where condition: String = "true", _ arguments: StatementArguments = []
    ) throws -> Set<[UInt8]> {
        let values = try StoredValue.fetchAll(
            db.cachedStatement(sql: "SELECT hash FROM files WHERE \(condition)"), arguments: arguments)
        return Set(values.compactMap(\.file))
    }

    private static func isNamed(_ hash: [UInt8], _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM files WHERE hash = ?)"),
            arguments: [StoredValue.file(hash)]) ?? true
    }

    /// Removes unreferenced files: leftovers of killed processes and files of removed runs.
    private func removeFiles() async throws(JournalError) {
        let (files, locks) = (files, locks)
        let known = Set(try await read { try String.fetchAll($0, sql: "SELECT id FROM workers") })
        let all = try await onDisk { () throws(JournalError) in
            try locks.sweep(except: known)
            try files.removeAbandoned()
            return try files.all().map(\.hash)
        }
        guard !all.isEmpty else { return }
        let named = try await read { try Self.namedFiles($0) }
        try await remove(files: all.filter { !named.contains($0) }, olderThan: Self.fileAge)
    }

    /// No other transaction can reference the files meanwhile. Writers check in their transaction that their files
    /// exist.
    private func remove(files hashes: [[UInt8]], olderThan age: Int) async throws(JournalError) {
        guard !hashes.isEmpty else { return }
        let files = files
        let old = try await onDisk { () throws(JournalError) in hashes.filter { files.isOlder($0, than: age) } }
        for start in stride(from: 0, to: old.count, by: Self.batch) {
            try await committer.write { db in
                for hash in old[start..<min(start + Self.batch, old.count)] where files.isOlder(hash, than: age) {
                    if try !Self.isNamed(hash, db) { try files.discard(hash) }
                }
            }
        }
        guard !old.isEmpty else { return }
        _ = try await onDisk { () throws(JournalError) in try files.removeAbandoned() }
    }

    // MARK: - Space

    /// Returns free pages to the file system.
    ///
    /// - Parameter everything: Whether to return all; otherwise some are kept for reuse.
    private func giveBackSpace(everything: Bool = false) async throws(JournalError) {
        var before = Int.max
        while !Task.isCancelled {
            let (free, all) = try await read { db in
                (
                    try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0,
                    try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
                )
            }
            guard free > (everything ? 0 : max(256, all / 8)), free < before else { break }
            before = free
            try await committer.withoutTransaction { try $0.execute(sql: "PRAGMA incremental_vacuum(512)") }
            try? await ContinuousClock().sleep(for: Self.slice)
        }
        // The file shrinks at the checkpoint, and the log loses the texts of what was removed.
        await committer.shrinkLog()
    }

    private static func usedBytes(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT (page_count - freelist_count) * page_size
                FROM pragma_page_count, pragma_freelist_count, pragma_page_size
                """) ?? 0
    }

    /// The bytes that the database and its files take, as ``Retention/bytes`` bounds them.
    public func size() async throws(JournalError) -> Int64? { try await size(named: false) }

    /// The same.
    ///
    /// - Parameter named: Whether to exclude files about to be removed.
    private func size(named: Bool) async throws(JournalError) -> Int64 {
        let (files, path) = (files, path)
        let hashes = named ? try await read { try Self.namedFiles($0) } : nil
        return try await onDisk { () throws(JournalError) in
            let database = ["", "-wal"].reduce(Int64(0)) { $0 + (FileSystem.facts(path + $1)?.size ?? 0) }
            return try files.all().reduce(database) { sum, file in
                hashes.map { $0.contains(file.hash) } ?? true ? sum + file.size : sum
            }
        }
    }
}
