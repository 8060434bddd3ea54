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
    let locks: AgentLocks
    let path: String
    public let beatInterval: Duration
    /// Asks for changes by whichever connection; see ``version()``.
    private let watcher: DatabaseQueue
    /// What is known of runs that this process works on.
    let progress = Mutex(RunProgress())

    /// - Parameters:
    ///   - directory: The project's `.runnel`; made if it is not there.
    ///   - beatInterval: See ``Journal/beat(_:)``.
    ///   - clock: Measures how long other processes have been silent.
    public static func open(
        directory: String, beatInterval: Duration = .seconds(5), clock: some Clock<Duration> = SuspendingClock()
    ) throws(JournalError) -> SQLiteJournal {
        let file = JournalFile(directory: directory)
        let start = clock.now
        return try SQLiteJournal(
            pool: file.open(), file: file, beatInterval: beatInterval, elapsed: { start.duration(to: clock.now) })
    }

    private init(
        pool: DatabasePool, file: JournalFile, beatInterval: Duration, elapsed: @escaping @Sendable () -> Duration
    ) throws(JournalError) {
        self.pool = pool
        self.beatInterval = beatInterval
        path = file.path
        committer = GroupCommitter(pool: pool, path: file.path)
        files = OutputFiles(directory: file.directory + "/outputs")
        locks = AgentLocks(
            directory: file.directory + "/agents", patience: beatInterval * 3, elapsed: elapsed)
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

/// What a process remembers of the runs that it works on, beside what is in the file.
struct RunProgress {
    /// The number of the next event.
    var events: [String: Int] = [:]
    /// In bytes of JSON.
    var eventBytes: [String: Int] = [:]
    /// Why something failed that nobody waited for.
    var failures: [String: JournalError] = [:]

    mutating func forget(_ runID: String) {
        events[runID] = nil
        eventBytes[runID] = nil
        failures[runID] = nil
    }
}
