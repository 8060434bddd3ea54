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
    let progress = Mutex(RunProgress())

    /// - Parameter directory: The project's `.runnel`; created if it is missing.
    public static func open(directory: String) throws(JournalError) -> SQLiteJournal {
        let file = JournalFile(directory: directory)
        return try SQLiteJournal(pool: file.open(), file: file)
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
        committer.close()
        try? watcher.close()
        try? pool.close()
    }
}

/// In-memory progress of the runs that this process works on. It is discarded with each claim, because another worker
/// may have worked on the run in between.
struct RunProgress {
    private struct Entry {
        let epoch: Int64
        /// The number of the next event; nil if not yet known.
        var nextEvent: Int?
        /// In bytes of JSON.
        var eventBytes = 0
        /// Whether a value of a step may be in a file.
        var namesFiles = true
        /// The error of an earlier write that was not awaited.
        var failure: JournalError?
    }

    private var entries: [String: Entry] = [:]

    func events(of lease: Lease) -> (next: Int?, bytes: Int) {
        guard let entry = entries[lease.runID], entry.epoch == lease.epoch else { return (nil, 0) }
        return (entry.nextEvent, entry.eventBytes)
    }

    mutating func setEvents(of lease: Lease, to events: (next: Int, bytes: Int)) {
        change(lease) { ($0.nextEvent, $0.eventBytes) = (events.next, events.bytes) }
    }

    /// Notes that nobody has worked on the run before: it has neither events nor steps.
    mutating func begin(_ lease: Lease) {
        change(lease) { ($0.nextEvent, $0.namesFiles) = (0, false) }
    }

    func namesFiles(_ lease: Lease) -> Bool {
        guard let entry = entries[lease.runID], entry.epoch == lease.epoch else { return true }
        return entry.namesFiles
    }

    mutating func setNamesFiles(_ lease: Lease) {
        change(lease) { $0.namesFiles = true }
    }

    mutating func fail(_ lease: Lease, _ error: JournalError) {
        change(lease) { $0.failure = error }
    }

    mutating func takeFailure(of lease: Lease) -> JournalError? {
        guard let entry = entries[lease.runID], entry.epoch == lease.epoch, let failure = entry.failure else {
            return nil
        }
        entries[lease.runID]?.failure = nil
        return failure
    }

    mutating func forget(_ lease: Lease) {
        if entries[lease.runID]?.epoch == lease.epoch { entries[lease.runID] = nil }
    }

    private mutating func change(_ lease: Lease, _ body: (inout Entry) -> Void) {
        var entry = entries[lease.runID] ?? Entry(epoch: lease.epoch)
        if entry.epoch > lease.epoch { return }
        if entry.epoch < lease.epoch { entry = Entry(epoch: lease.epoch) }
        body(&entry)
        entries[lease.runID] = entry
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
