import Dispatch
import GRDB
import LibC
public import RunnelEngine
import RunnelKit
import Synchronization

/// A journal in a SQLite file, shared by all processes of a project on one machine.
///
/// Group commit: writes that arrive during a transaction share the next one. Reads do not wait for writes. Large values
/// are files next to the database.
public final class SQLiteJournal: Journal {
    let pool: DatabasePool
    let committer: GroupCommitter
    let files: OutputFiles
    let locks: WorkerLocks
    let path: String
    /// Asks for changes by whichever connection, see ``version()``, and holds the write lock during checkpoints.
    private let watcher: DatabaseQueue
    /// Cached progress of runs that this process works on.
    let progress: RunProgressCache
    let soon: SoonCommits

    /// - Parameters:
    ///   - directory: The project's `.runnel`.
    ///   - migrates: Whether a missing journal is created and an older one is migrated; otherwise an older one is
    ///     refused.
    public static func open(directory: String, migrates: Bool = true) throws(JournalError) -> SQLiteJournal {
        let file = JournalFile(directory: directory)
        return try SQLiteJournal(pool: file.open(migrates: migrates), file: file)
    }

    private init(pool: DatabasePool, file: JournalFile) throws(JournalError) {
        self.pool = pool
        path = file.path
        files = OutputFiles(directory: file.directory + "/outputs")
        locks = WorkerLocks(directory: file.directory + "/workers")
        do {
            watcher = try DatabaseQueue(path: file.path, configuration: JournalFile.configuration)
            committer = GroupCommitter(
                pool: pool, path: file.path, checkpointer: Checkpointer(pool: pool, holder: watcher))
            let progress = RunProgressCache()
            self.progress = progress
            soon = SoonCommits { [committer, files] commit in
                do throws(JournalError) {
                    let stored = try StoredCommit(commit, files, isSmall: true)
                    committer.enqueue({ try Self.write(stored, files, progress, $0) }) { error in
                        guard let error else { return }
                        progress.withLock { $0.fail(commit.lease, error) }
                    }
                } catch {
                    progress.withLock { $0.fail(commit.lease, error) }
                }
            }
        } catch {
            throw JournalError(error, path: file.path)
        }
    }

    public func version() async throws(JournalError) -> Int64 {
        do {
            return try await watcher.unsafeRead { try Int64.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Reads from a consistent snapshot of the journal.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws(JournalError) -> Result {
        do {
            return try await pool.unsafeRead { db in try db.transaction(.deferred) { try body(db) } }
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// File I/O is blocking, so it does not run on the cooperative thread pool.
    func onDisk<Result: Sendable>(
        _ body: @escaping @Sendable () throws(JournalError) -> Result
    ) async throws(JournalError) -> Result {
        let outcome: Swift.Result<Result, JournalError> = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(returning: Swift.Result { () throws(JournalError) in try body() })
            }
        }
        return try outcome.get()
    }

    public func close() async {
        locks.letGoOfAll()
        soon.flush()
        committer.close()
        try? watcher.close()
        try? pool.close()
    }
}

extension Database {
    /// What `inTransaction` does, with statements that are prepared once for each connection. Preparing them costs as much
    /// as a small read.
    func transaction<Result>(_ kind: TransactionKind, _ body: () throws -> Result) throws -> Result {
        try cachedStatement(sql: "BEGIN \(kind.rawValue)").execute()
        do {
            let result = try body()
            try cachedStatement(sql: "COMMIT").execute()
            return result
        } catch {
            try? rollback()
            throw error
        }
    }
}

extension SQLiteJournal {
    public func check() async throws(JournalError) -> [JournalDamage] {
        let files = files
        let (problems, named) = try await read { db in
            (
                try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" },
                try Self.namedFiles(db)
            )
        }
        let lost = try await onDisk { () throws(JournalError) in named.filter { !files.holds($0) } }
        // Read again: retention may have removed a file that was named before.
        let runs = try await read { db in
            try lost.flatMap { hash in
                try String.fetchAll(
                    db.cachedStatement(sql: "SELECT DISTINCT run_id FROM files WHERE hash = ?"),
                    arguments: [StoredValue.file(hash)])
            }
        }
        return problems.map { .database($0) } + runs.sorted().map { .value(runID: $0) }
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
