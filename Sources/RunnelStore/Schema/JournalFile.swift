import Dispatch
import GRDB
import RunnelEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Opens the database, and says in words why that cannot be done.
struct JournalFile {
    let directory: String
    var path: String { directory + "/journal.db" }

    /// Writes wait so long for another process. In seconds.
    static let busyTimeout = 10.0

    func open() throws(JournalError) -> DatabasePool {
        try makeDirectory()
        // Two processes that begin at once must not both make the file.
        let lock = try FileLock(path: directory + "/open.lock", waits: true)
        defer { lock?.unlock() }
        do {
            if !isMade { try create() }
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            let migrator = JournalSchema.migrator
            if try pool.read({ try migrator.hasBeenSuperseded($0) }) {
                throw JournalError(
                    "journal-newer", "the journal \(path) was written by a newer version of Runnel",
                    hint: "use that version, or another folder")
            }
            try migrator.migrate(pool)
            try pool.writeWithoutTransaction { db in
                // The pool has set NORMAL, which a loss of power can undo.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try db.execute(sql: "PRAGMA journal_size_limit = 16777216")
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
        // One connection writes, on one queue, and reads do not wait for it.
        configuration.qos = .userInitiated
        return configuration
    }

    /// An earlier version could be killed after it had made an empty file. That one is no journal yet.
    private var isMade: Bool {
        guard let size = FileSystem.facts(path)?.size else { return false }
        return size > 0 || access(path + "-wal", F_OK) == 0
    }

    /// Makes a database whose pages can be given back, which cannot be changed later, and that nobody else can read.
    /// It is made beside the journal and renamed, so that a journal is never half made.
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
        // The name until version 5 of the schema. The locks that are held in it stay held.
        if access(directory + "/workers", F_OK) != 0 { rename(directory + "/agents", directory + "/workers") }
        for folder in [directory, directory + "/workers", directory + "/outputs"] {
            try FileSystem.makeFolder(folder)
        }
        let (ignore, text) = (directory + "/.gitignore", Array("*\n".utf8))
        // Shorter than that, its process was killed while it wrote.
        guard FileSystem.facts(ignore).map({ $0.size < text.count }) ?? true else { return }
        let descriptor = Self.open(ignore, O_WRONLY | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: ignore) }
        defer { close(descriptor) }
        try FileSystem.write(text, to: descriptor, ignore)
    }

    private static func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
        #if canImport(Glibc)
        Glibc.open(path, flags | O_CLOEXEC, mode)
        #elseif canImport(Musl)
        Musl.open(path, flags | O_CLOEXEC, mode)
        #else
        Darwin.open(path, flags | O_CLOEXEC, mode)
        #endif
    }
}
