import Dispatch
import GRDB
import LibC
import RunnelEngine

/// Opens or creates the database, with errors for operators.
struct JournalFile {
    let directory: String
    var path: String { directory + "/journal.db" }

    /// The time that writes wait for another process, in seconds.
    static let busyTimeout = 10.0
    /// To how many bytes the write-ahead log is cut when it begins anew.
    static let logSizeLimit = 16 << 20

    func open() throws(JournalError) -> DatabasePool {
        try makeDirectory()
        // The lock prevents two processes from creating the file concurrently.
        let lock = try FileLock(path: directory + "/open.lock", waits: true)
        defer { lock?.unlock() }
        do {
            if !isMade { try create() }
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            let migrator = JournalSchema.migrator
            if try pool.read({ try migrator.hasBeenSuperseded($0) }) {
                throw JournalError(
                    .newer, "the journal \(path) was written by a newer version of Runnel",
                    hint: "use that version, or another folder")
            }
            try migrator.migrate(pool)
            try pool.writeWithoutTransaction { db in
                // The pool sets NORMAL, with which a power failure can lose commits.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try db.execute(sql: "PRAGMA journal_size_limit = \(Self.logSizeLimit)")
            }
            return pool
        } catch let error as JournalError {
            throw error
        } catch {
            throw JournalError(error, path: path)
        }
    }

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTimeout)
        configuration.maximumReaderCount = 4
        configuration.label = "journal"
        // See `Checkpointer`.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA wal_autocheckpoint = 0") }
        // One connection writes on one queue; reads do not wait for it.
        configuration.qos = .userInitiated
        return configuration
    }

    /// Earlier versions could be killed after creating an empty file, which is not a journal yet.
    private var isMade: Bool {
        guard let size = FileSystem.facts(path)?.size else { return false }
        return size > 0 || access(path + "-wal", F_OK) == 0
    }

    /// Creates a database with incremental vacuum, which cannot be enabled later, readable only by its owner. It is
    /// created under a temporary name and renamed, so that a journal is never incomplete.
    private func create() throws {
        let new = path + ".new"
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(new + suffix) }
        let descriptor = Self.open(new, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: new) }
        defer { close(descriptor) }
        let queue = try DatabaseQueue(path: new, configuration: Self.configuration)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        }
        try queue.close()
        try FileSystem.sync(descriptor, new)
        guard rename(new, path) == 0 else { throw JournalError(errno: errno, path: path) }
        try FileSystem.syncFolder(of: path)
    }

    private func makeDirectory() throws(JournalError) {
        // The folder's name until version 5 of the schema. Locks held in it stay valid.
        if access(directory + "/workers", F_OK) != 0 { rename(directory + "/agents", directory + "/workers") }
        for folder in [directory, directory + "/workers", directory + "/outputs"] {
            try FileSystem.makeFolder(folder)
        }
        let (ignore, text) = (directory + "/.gitignore", Array("*\n".utf8))
        // A shorter file means that its process was killed while writing.
        guard FileSystem.facts(ignore).map({ $0.size < text.count }) ?? true else { return }
        let descriptor = Self.open(ignore, O_WRONLY | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: ignore) }
        defer { close(descriptor) }
        try FileSystem.write(text, to: descriptor, ignore)
    }

    private static func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
        LibC.open(path, flags | O_CLOEXEC, mode)
    }
}
