import Dispatch
import GRDB
public import RunnelEngine
import RunnelKit
import Synchronization

/// The journal in a SQLite file, shared by all processes of one machine that work in a project.
///
/// Writes are grouped: what comes while a transaction is being made durable goes into the next one together. Reads do
/// not wait for writes. Large values are files beside the database.
public final class SQLiteJournal: Journal {
    let pool: DatabasePool
    let committer: GroupCommitter
    let files: OutputFiles
    let locks: WorkerLocks
    let path: String
    /// Asks for changes by whichever connection; see ``version()``.
    private let watcher: DatabaseQueue
    /// What is known of runs that this process works on.
    let progress = Mutex(RunProgress())

    /// - Parameter directory: The project's `.runnel`; made if it is not there.
    public static func open(directory: String) throws(JournalError) -> SQLiteJournal {
        let file = JournalFile(directory: directory)
        return try SQLiteJournal(pool: file.open(), file: file)
    }

    private init(pool: DatabasePool, file: JournalFile) throws(JournalError) {
        self.pool = pool
        path = file.path
        committer = GroupCommitter(pool: pool, path: file.path)
        files = OutputFiles(directory: file.directory + "/outputs")
        locks = WorkerLocks(directory: file.directory + "/workers")
        do {
            var configuration = JournalFile.configuration
            configuration.readonly = true
            watcher = try DatabaseQueue(path: file.path, configuration: configuration)
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

    /// Reads from one state of the journal.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws(JournalError) -> Result {
        do {
            return try await pool.read(body)
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Files are written and read away from the threads that tasks run on.
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
        _ = try? await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try? watcher.close()
        try? pool.close()
    }
}

/// What a process remembers of the runs that it works on, beside what is in the file. Of an earlier claim of a run
/// nothing is remembered: somebody else may have worked on it in between.
struct RunProgress {
    private struct Entry {
        let epoch: Int64
        /// The number of the next event; nil: not known yet.
        var nextEvent: Int?
        /// In bytes of JSON.
        var eventBytes = 0
        /// Why something failed that nobody waited for.
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
        if let entry = entries[lease.runID], entry.epoch > lease.epoch { return }
        if entries[lease.runID]?.epoch != lease.epoch { entries[lease.runID] = Entry(epoch: lease.epoch) }
        body(&entries[lease.runID, default: Entry(epoch: lease.epoch)])
    }
}
