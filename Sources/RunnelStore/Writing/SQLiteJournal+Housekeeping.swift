import GRDB
import LibC
public import RunnelEngine

extension SQLiteJournal {
    public func check() async throws(JournalError) -> [String] {
        var problems = try await read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
        }
        let paths = try await read { try Self.namedFiles($0) }.map(files.path)
        for path in paths.sorted() where access(path, R_OK) != 0 {
            problems.append("the file \(path) is missing, which holds an output")
        }
        return problems
    }

    public func probe() async throws(JournalError) {
        try await committer.write { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO trigger_memory (pipeline, "trigger", key, value) VALUES ('', 'probe', 'at', unixepoch())
                    ON CONFLICT (pipeline, "trigger", key) DO UPDATE SET value = excluded.value
                    """
            ).execute()
        }
        // The existing log may have room for a row on a full disk, but not for a large value.
        let files = files
        try await onDisk { () throws(JournalError) in try files.probe() }
    }
}
