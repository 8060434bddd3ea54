import CRunnelSQLite
import Dispatch
import GRDB
import LibC
import RunnelEngine

/// Opens or creates the database, with errors for operators.
struct JournalFile {
    let directory: String
    var path: String { directory + "/journal.db" }
    /// Where a restore prepares the database before it puts it in place.
    var restoredPath: String { path + ".restored" }
    var isRestoreInterrupted: Bool { access(path, F_OK) != 0 && access(restoredPath, F_OK) == 0 }

    /// The time that writes wait for another process, in seconds.
    static let busyTimeout = 10.0
    /// To how many bytes the write-ahead log is cut when it begins anew.
    static let logSizeLimit = 16 << 20

    /// - Parameter migrates: Whether what is missing is created and the tables of an older version are migrated;
    ///   otherwise an older journal is refused, and nothing is changed.
    func open(migrates: Bool = true) throws(JournalError) -> DatabasePool {
        let path = path
        guard access(path, R_OK) == 0 || errno == ENOENT else {
            throw JournalError.unreadable(path, in: directory, errno: errno)
        }
        // Before SQLite opens it, which would remove the write-ahead log of an empty database.
        if FileSystem.facts(path)?.size == 0 { throw JournalError.empty(path) }
        guard migrates || !isFolderReadOnly else { return try openReadOnly() }
        if migrates { try makeDirectory() }
        // The lock prevents two processes from creating the file concurrently.
        let lock = try FileLock(path: directory + "/open.lock", waits: true)
        defer { lock?.unlock() }
        do {
            if isRestoreInterrupted { throw JournalError.halfRestored(path) }
            if !migrates { try checkVersion() } else if access(path, F_OK) != 0 { try create() }
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            if migrates {
                let migrator = JournalSchema.migrator
                if try pool.read({ try migrator.hasBeenSuperseded($0) }) { throw newer }
                try migrator.migrate(pool)
            }
            try pool.writeWithoutTransaction { db in
                // The pool sets NORMAL, with which a power failure can lose commits.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                try db.execute(sql: "PRAGMA journal_size_limit = \(Self.logSizeLimit)")
            }
            return pool
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Whether nothing can be created in the folder, such as on a read-only disk.
    private var isFolderReadOnly: Bool { access(directory, W_OK) != 0 && (errno == EROFS || errno == EACCES) }

    /// Opens an existing journal without the lock, whose file cannot be created.
    private func openReadOnly() throws(JournalError) -> DatabasePool {
        do {
            try checkVersion()
            return try DatabasePool(path: path, configuration: Self.readOnlyConfiguration)
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// Throws unless the tables are those of this version. Reads only: a pool writes when it is opened.
    private func checkVersion() throws {
        let queue = try DatabaseQueue(path: path, configuration: Self.readOnlyConfiguration)
        let migrator = JournalSchema.migrator
        try queue.read { db in
            if try migrator.hasBeenSuperseded(db) { throw newer }
            if try !migrator.hasCompletedMigrations(db) { throw JournalError.older(path) }
        }
        try queue.close()
    }

    private var newer: JournalError {
        JournalError(
            .newer, "the journal \(path) was written by a newer version of Runnel",
            hint: "use that version, or another folder")
    }

    /// Once, before the first connection.
    private static let configureSQLite: Void = runnel_sqlite_configure()

    static var configuration: Configuration {
        configureSQLite
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTimeout)
        configuration.maximumReaderCount = 4
        configuration.label = "journal"
        // See `Checkpointer`.
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            // Overwrites what is deleted. The SQLite of most Linux distributions does it by default.
            try db.execute(sql: "PRAGMA secure_delete = ON")
        }
        // One connection writes on one queue; reads do not wait for it.
        configuration.qos = .userInitiated
        return configuration
    }

    private static var readOnlyConfiguration: Configuration {
        var configuration = Self.configuration
        configuration.readonly = true
        return configuration
    }

    /// Creates a database with incremental vacuum, which cannot be enabled later, readable only by its owner. It is
    /// created under a temporary name and renamed, so that a journal is never incomplete.
    private func create() throws {
        let new = path + ".new"
        Self.remove(new)
        let descriptor = Self.open(new, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: new) }
        defer { close(descriptor) }
        let queue = try DatabaseQueue(path: new, configuration: Self.configuration)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        }
        try queue.close()
        try FileSystem.sync(descriptor, new)
        try moveLeftOversAside()
        guard rename(new, path) == 0 else { throw JournalError(errno: errno, path: path) }
        try FileSystem.syncFolder(of: path)
    }

    /// The suffixes of the database and of the files that SQLite keeps beside it.
    private static let suffixes = ["", "-wal", "-shm", "-journal"]

    /// Removes a database with all its files, if it exists.
    static func remove(_ path: String) {
        for suffix in suffixes { unlink(path + suffix) }
    }

    /// Removes the journal, its database first: without it, the other files are not used.
    func remove() throws(JournalError) {
        for suffix in Self.suffixes where unlink(path + suffix) != 0 && errno != ENOENT {
            throw JournalError(errno: errno, path: path + suffix)
        }
    }

    /// Moves away what is left of a journal whose database is gone: SQLite applies a write-ahead log to whatever database
    /// stands beside it.
    func moveLeftOversAside() throws(JournalError) {
        func parts(of name: String) -> [String] {
            Self.suffixes.filter { access(name + $0, F_OK) == 0 }
        }
        let found = parts(of: path)
        let first = path + ".left-over"
        var (name, number) = (first, 2)
        while !parts(of: name).isEmpty { (name, number) = ("\(first)-\(number)", number + 1) }
        for part in found {
            guard rename(path + part, name + part) == 0 else { throw JournalError(errno: errno, path: path + part) }
        }
    }

    func makeDirectory() throws(JournalError) {
        try FileSystem.makeFolders(above: directory)
        // The folder's name until version 5 of the schema. Locks held in it stay valid.
        if access(directory + "/workers", F_OK) != 0 { rename(directory + "/agents", directory + "/workers") }
        for folder in [directory, directory + "/workers", directory + "/outputs"] {
            try FileSystem.makeFolder(folder)
        }
        let (ignore, text) = (directory + "/.gitignore", Array("*\n".utf8))
        // A shorter file means that its process was killed while writing.
        guard FileSystem.facts(ignore).map({ $0.size < text.count }) ?? true else { return }
        let descriptor = Self.open(ignore, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600)
        if descriptor < 0, errno == ELOOP { return }
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: ignore) }
        defer { close(descriptor) }
        try FileSystem.write(text, to: descriptor, ignore)
    }

    private static func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
        LibC.open(path, flags | O_CLOEXEC, mode)
    }
}

/// A file lock that the kernel releases when the process ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// - Parameter waits: Whether to wait for another holder; if false, the initialiser returns nil.
    init?(path: String, waits: Bool) throws(JournalError) {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw JournalError(errno: errno, path: path) }
            guard try Self.lock(descriptor, waits: waits, path) else {
                close(descriptor)
                return nil
            }
            // The previous holder may have unlinked the file; a lock on an unlinked file is invisible to others.
            if Self.isNamed(descriptor) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    /// Releases the lock. Call it once.
    func unlock() {
        close(descriptor)
    }

    /// Locks the open file until its descriptor is closed.
    ///
    /// - Returns: Whether the lock was acquired; always true if it `waits`.
    static func lock(_ descriptor: Int32, waits: Bool, _ path: String) throws(JournalError) -> Bool {
        while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK { return false }
            throw JournalError(errno: errno, path: path)
        }
        return true
    }

    /// Whether the open file still has a name.
    static func isNamed(_ descriptor: Int32) -> Bool {
        var info = stat()
        return fstat(descriptor, &info) == 0 && info.st_nlink > 0
    }

    /// Removes the file if its lock is free.
    ///
    /// - Returns: Whether it was removed.
    static func removeAbandoned(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard (try? lock(descriptor, waits: false, path)) == true else { return false }
        return unlink(path) == 0
    }
}

/// System calls for the journal's files, with failures as ``JournalError``.
enum FileSystem {
    /// The identity of a file: device and inode.
    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// The identity of the file; nil if it does not exist.
    static func identity(_ path: UnsafePointer<CChar>) -> Identity? {
        var (device, inode): (UInt64, UInt64) = (0, 0)
        guard runnel_sqlite_file_identity(path, &device, &inode) == 0 else { return nil }
        return Identity(device: device, inode: inode)
    }

    /// Creates the folder durably if it is missing.
    static func makeFolder(_ path: String) throws(JournalError) {
        guard access(path, F_OK) != 0 else { return }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw JournalError(errno: errno, path: path) }
        try syncFolder(of: path)
    }

    /// Creates the folders that are missing above the one at the path.
    static func makeFolders(above path: String) throws(JournalError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        for count in parts.indices.map({ $0 + 1 }) {
            let folder = parts.prefix(count).joined(separator: "/")
            if !folder.isEmpty { try makeFolder(folder) }
        }
    }

    /// Syncs the directory entries of the folder that contains `path`.
    static func syncFolder(of path: String) throws(JournalError) {
        let end = path.lastIndex(of: "/")
        let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: folder) }
        defer { close(descriptor) }
        try sync(descriptor, folder)
    }

    static func sync(_ descriptor: Int32, _ path: String) throws(JournalError) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw JournalError(errno: errno, path: path) }
        }
    }

    /// Writes all bytes; continues after short writes.
    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32, _ path: String) throws(JournalError) {
        var failure: Int32 = 0
        let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { buffer in
            var rest = UnsafeRawBufferPointer(buffer)[...]
            while !rest.isEmpty, failure == 0 {
                let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { failure = errno }
            }
        }
        guard isContiguous != nil else { return try write(Array(bytes), to: descriptor, path) }
        if failure != 0 { throw JournalError(errno: failure, path: path) }
    }

    /// The names in a folder, unsorted.
    static func names(in folder: String) throws(JournalError) -> [String] {
        guard let stream = opendir(folder) else { throw JournalError(errno: errno, path: folder) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The size in bytes and the age of the last change in seconds; nil if the file does not exist.
    static func facts(_ path: String) -> (size: Int64, age: Int)? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return (Int64(info.st_size), time(nil) - Int(info.modifiedNanoseconds / 1_000_000_000))
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
