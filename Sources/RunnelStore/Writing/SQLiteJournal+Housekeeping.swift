import GRDB
public import RunnelEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SQLiteJournal {
    /// Runs that go together in one transaction, so that others can write in between.
    private static let batch = 200
    /// Files younger than this may belong to a row that is about to be written. In seconds.
    private static let fileAge = 600

    public func prune(_ retention: Retention, now: Int64) async throws(JournalError) -> PruneReport {
        let before = size()
        var removed = 0
        while true {
            let ids = try await read { try Self.superfluous(retention, now: now, $0) }
            if ids.isEmpty { break }
            try await committer.write { db in
                for id in ids {
                    for table in ["events", "steps"] {
                        try db.execute(sql: "DELETE FROM \(table) WHERE run_id = ?", arguments: [id])
                    }
                    try db.execute(sql: "DELETE FROM runs WHERE id = ?", arguments: [id])
                }
            }
            removed += ids.count
        }
        try await committer.write { db in
            try db.execute(sql: "DELETE FROM definitions WHERE hash NOT IN (SELECT definition FROM runs)")
        }
        let freed = try await removeFiles()
        try await committer.withoutTransaction { db in
            try db.execute(sql: "PRAGMA incremental_vacuum")
            _ = try? db.checkpoint(.truncate)
        }
        return PruneReport(runs: removed, bytes: max(0, before - size()) + freed)
    }

    private static func superfluous(_ retention: Retention, now: Int64, _ db: Database) throws -> [String] {
        var ids: [String] = []
        if let age = retention.age {
            let (seconds, attoseconds) = age.components
            let limit = now - seconds * 1_000_000_000 - attoseconds / 1_000_000_000
            ids += try String.fetchAll(
                db, sql: "SELECT id FROM runs WHERE ended_at < ? LIMIT ?", arguments: [limit, batch])
        }
        if let count = retention.count, ids.count < batch {
            ids += try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM (
                        SELECT id, row_number() OVER (PARTITION BY pipeline ORDER BY id DESC) AS place
                        FROM runs WHERE ended_at IS NOT NULL
                    ) WHERE place > ? LIMIT ?
                    """, arguments: [count, batch])
        }
        return Array(Set(ids))
    }

    private func removeFiles() async throws(JournalError) -> Int64 {
        let files = files
        let kept = try await namedFiles()
        return try await onDisk { () throws(JournalError) in
            try files.removeAll(except: kept, olderThan: Self.fileAge)
        }
    }

    /// The files that rows name.
    private func namedFiles() async throws(JournalError) -> Set<String> {
        let hashes = try await read { db in
            var hashes: [[UInt8]] = []
            for (table, columns) in [
                ("runs", ["\"trigger\"", "inputs", "input", "output", "error"]),
                ("steps", ["output", "error", "items"]),
            ] {
                for column in columns {
                    let rows = try StoredValue.fetchAll(
                        db, sql: "SELECT \(column) FROM \(table) WHERE typeof(\(column)) = 'blob'")
                    for case .file(let hash) in rows { hashes.append(hash) }
                }
            }
            return hashes
        }
        return Set(hashes.map(files.path))
    }

    public func check() async throws(JournalError) -> [String] {
        var problems = try await read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
        }
        for path in try await namedFiles().sorted() where access(path, R_OK) != 0 {
            problems.append("the file \(path) is missing, which holds an output")
        }
        return problems
    }

    /// Of the database and what belongs to it, in bytes.
    private func size() -> Int64 {
        ["", "-wal"].reduce(0) { sum, suffix in
            var info = stat()
            return stat(path + suffix, &info) == 0 ? sum + Int64(info.st_size) : sum
        }
    }
}
