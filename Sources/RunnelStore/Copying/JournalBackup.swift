import Crypto
import GRDB
import LibC
public import RunnelEngine
import RunnelKit

/// A copy of a SQLite journal in a folder of its own: the database, by SQLite's online backup, and the files of large
/// values. The journal may be in use meanwhile.
public enum JournalBackup {
    /// How often a backup begins anew when retention removes a file that it names.
    private static let attempts = 5

    /// What a backup holds.
    public struct Report: Sendable, Hashable {
        /// The number of runs.
        public var runs: Int
        /// The number of large values that are not in it: their files are missing or damaged in the journal itself.
        public var lostValues: Int
    }

    /// What a restore has put in place.
    public struct Restoration: Sendable, Hashable {
        /// The folder of the replaced journal, which has the form of a backup; nil if there was none.
        public var replaced: String?
        /// The number of runs that have not ended. They go on at the next start.
        public var openRuns: Int
        /// The number of large values whose files are missing or damaged in the backup.
        public var lostValues: Int
    }

    /// Writes a backup into a new folder, and makes the folders above it.
    @discardableResult public static func write(
        _ journal: SQLiteJournal, to folder: String
    ) async throws(JournalError) -> Report {
        try FileSystem.makeFolders(above: folder)
        guard mkdir(folder, 0o700) == 0 else {
            guard errno == EEXIST else { throw JournalError(errno: errno, path: folder) }
            throw JournalError(
                .failed, "the folder \(folder) exists already", hint: "name a new folder; a backup replaces nothing")
        }
        do throws(JournalError) {
            return try await fill(folder, from: journal)
        } catch {
            // An incomplete backup must not fill the disk, which may also be the journal's.
            remove(folder)
            throw error
        }
    }

    private static func remove(_ folder: String) {
        for part in [folder + "/outputs", folder] {
            for name in (try? FileSystem.names(in: part)) ?? [] { unlink("\(part)/\(name)") }
            rmdir(part)
        }
    }

    private static func fill(_ folder: String, from journal: SQLiteJournal) async throws(JournalError) -> Report {
        try FileSystem.makeFolder(folder + "/outputs")
        let (pool, files) = (journal.pool, journal.files)
        return try await journal.onDisk { () throws(JournalError) in
            // The database is renamed last: a folder without `journal.db` is no backup.
            let (path, new) = (folder + "/journal.db", folder + "/journal.db.new")
            for _ in 1...attempts {
                do {
                    // Readable only by its owner, as the journal is.
                    let descriptor = open(new, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
                    guard descriptor >= 0 else { throw JournalError(errno: errno, path: new) }
                    close(descriptor)
                    let copy = try DatabaseQueue(path: new)
                    try pool.backup(to: copy)
                    let (names, runs) = try copy.read { db in
                        (
                            try SQLiteJournal.namedFiles(db),
                            try Int.fetchOne(db, sql: "SELECT count(*) FROM runs") ?? 0
                        )
                    }
                    try copy.close()
                    let missing = try copyFiles(names, from: files, to: folder)
                    // Retention removes the rows that name a file first: a missing file that is still named is lost.
                    if try missing.isEmpty || missing.isSubset(of: pool.read { try SQLiteJournal.namedFiles($0) }) {
                        guard rename(new, path) == 0 else { throw JournalError(errno: errno, path: path) }
                        try FileSystem.syncFolder(of: path)
                        return Report(runs: runs, lostValues: missing.count)
                    }
                } catch {
                    throw JournalError(error, path: path)
                }
                unlink(new)
            }
            throw JournalError(
                .failed, "the journal changed too often to be backed up", hint: "try again when fewer runs are removed")
        }
    }

    /// Whether a restore was killed before it had put its database in place.
    public static func isInterrupted(in directory: String) -> Bool {
        JournalFile(directory: directory).isRestoreInterrupted
    }

    /// Puts a backup in the place of a journal that no process uses. A restore that fails changes nothing.
    ///
    /// - Parameters:
    ///   - directory: The project's `.runnel`.
    ///   - replaces: Whether a journal that is there is moved aside, to the folder `before-restore` or, where one was
    ///     moved before, to `before-restore-2` and so on.
    @discardableResult public static func restore(
        _ folder: String, to directory: String, replaces: Bool
    ) async throws(JournalError) -> Restoration {
        guard access(folder + "/journal.db", F_OK) == 0 else {
            throw JournalError(
                .failed, "\(folder) is no backup: it has no journal.db",
                hint: "name a folder of `runnel journal backup`")
        }
        let file = JournalFile(directory: directory)
        let place = file.path
        try file.makeDirectory()
        // Held until the end: other processes wait before they open or create the journal.
        let lock = try FileLock(path: directory + "/open.lock", waits: true)
        defer { lock?.unlock() }
        guard replaces || access(place, F_OK) != 0 else {
            throw JournalError(.failed, "there is a journal already: \(place)", hint: "--replace moves it aside")
        }
        // By their locks: a damaged journal, or one of a newer version, cannot be opened.
        guard try !WorkerLocks(directory: directory + "/workers").areHeld() else {
            throw JournalError(.busy, "the journal \(place) is in use", hint: "stop Runnel first")
        }
        let new = file.restoredPath
        let isMissing = access(place, F_OK) != 0 && !file.isRestoreInterrupted
        // A killed restore may have left a copy. Its database stays until the new one replaces it.
        for part in ["-wal", "-shm", "-journal"] { unlink(new + part) }
        do throws(JournalError) {
            for part in suffixes where access(folder + "/journal.db" + part, F_OK) == 0 {
                try copy(folder + "/journal.db" + part, to: new + part)
            }
            let (named, openRuns) = try check(new, of: folder)
            let files = OutputFiles(directory: directory + "/outputs")
            let sound = try restoreValues(of: folder, to: files)
            let lost = named.subtracting(sound).count { !files.holds($0) }
            let replaced = try setAside(file)
            try replace(file, setAside: replaced)
            return Restoration(replaced: replaced, openRuns: openRuns, lostValues: lost)
        } catch {
            // Where a journal is gone, the copy shows that it has to be restored.
            if isMissing || access(place, F_OK) == 0 { JournalFile.remove(new) }
            throw error
        }
    }

    /// The suffixes of a database's files. A process that opened a backup may have left commits only in its write-ahead
    /// log. The database is last: without it, the others are not used.
    private static let suffixes = ["-wal", "-journal", ""]

    /// Copies the large values of a backup that are sound there, and not in place yet.
    ///
    /// - Returns: The hashes of those that are in place.
    private static func restoreValues(of folder: String, to files: OutputFiles) throws(JournalError) -> Set<[UInt8]> {
        var sound: Set<[UInt8]> = []
        // The folder may be missing: object stores and some copy tools do not keep empty folders.
        guard access(folder + "/outputs", F_OK) == 0 else { return sound }
        for name in try FileSystem.names(in: folder + "/outputs") {
            guard let hash = OutputFiles.hash(of: name) else { continue }
            if !files.holds(hash) {
                guard try copy("\(folder)/outputs/\(name)", to: files.path(of: hash), hash: hash) else { continue }
            }
            sound.insert(hash)
        }
        return sound
    }

    /// Gives the files of a journal a second name in a new folder with the form of a backup, which can be restored.
    ///
    /// - Returns: The folder; nil if there is no journal.
    private static func setAside(_ file: JournalFile) throws(JournalError) -> String? {
        guard access(file.path, F_OK) == 0 else { return nil }
        let first = file.directory + "/before-restore"
        var (folder, number) = (first, 2)
        while mkdir(folder, 0o700) != 0 {
            guard errno == EEXIST else { throw JournalError(errno: errno, path: folder) }
            (folder, number) = ("\(first)-\(number)", number + 1)
        }
        do throws(JournalError) {
            let outputs = folder + "/outputs"
            try FileSystem.makeFolder(outputs)
            for name in try FileSystem.names(in: file.directory + "/outputs") where OutputFiles.hash(of: name) != nil {
                try link("\(file.directory)/outputs/\(name)", to: "\(outputs)/\(name)")
            }
            try FileSystem.syncFolder(of: outputs + "/")
            for part in suffixes where access(file.path + part, F_OK) == 0 {
                try link(file.path + part, to: folder + "/journal.db" + part)
            }
            try FileSystem.syncFolder(of: folder + "/")
            try FileSystem.syncFolder(of: folder)
            return folder
        } catch {
            remove(folder)
            throw error
        }
    }

    /// Puts the copied database in the place of the journal's, or of what is left of one whose database is gone.
    private static func replace(_ file: JournalFile, setAside folder: String?) throws(JournalError) {
        guard let folder else {
            try file.moveLeftOversAside()
            return try putInPlace(file)
        }
        do throws(JournalError) {
            try file.remove()
            try putInPlace(file)
        } catch {
            for part in suffixes where access(folder + "/journal.db" + part, F_OK) == 0 {
                unlink(file.path + part)
                try link(folder + "/journal.db" + part, to: file.path + part)
            }
            remove(folder)
            throw error
        }
    }

    private static func putInPlace(_ file: JournalFile) throws(JournalError) {
        for part in suffixes where access(file.restoredPath + part, F_OK) == 0 {
            let path = file.path + part
            guard rename(file.restoredPath + part, path) == 0 else { throw JournalError(errno: errno, path: path) }
        }
        try FileSystem.syncFolder(of: file.path)
    }

    /// Gives a file a second name, or copies it where the file system has no hard links.
    private static func link(_ source: String, to target: String) throws(JournalError) {
        if LibC.link(source, target) != 0 { try copy(source, to: target) }
    }

    /// Throws unless the copied database is intact, and is a journal of this version or an older one.
    ///
    /// - Returns: The hashes of the files that it names, and the number of runs that have not ended.
    private static func check(
        _ path: String, of folder: String
    ) throws(JournalError) -> (named: Set<[UInt8]>, openRuns: Int) {
        let backup = "the backup \(folder)"
        do {
            let queue = try DatabaseQueue(path: path, configuration: JournalFile.configuration)
            let migrator = JournalSchema.migrator
            let found = try queue.read { db in
                guard try String.fetchAll(db, sql: "PRAGMA quick_check(1)") == ["ok"] else {
                    throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a page is corrupt")
                }
                let applied = try migrator.appliedIdentifiers(db)
                if try migrator.hasBeenSuperseded(db) {
                    throw JournalError(
                        .newer, "\(backup) was written by a newer version of Runnel",
                        hint: "restore it with that version")
                }
                if applied.isEmpty {
                    throw JournalError(
                        .failed, "\(folder)/journal.db is no journal of Runnel",
                        hint: "name a folder of `runnel journal backup`")
                }
                return (
                    try db.tableExists("files") ? SQLiteJournal.namedFiles(db) : [],
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM runs WHERE ended_at IS NULL") ?? 0
                )
            }
            try queue.close()
            return found
        } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
            throw JournalError(
                .corrupt, "\(backup) is damaged: \(error.message ?? "it is no SQLite database")",
                hint: "use another backup; nothing has been replaced")
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// - Returns: The hashes whose files are missing or damaged.
    private static func copyFiles(
        _ hashes: Set<[UInt8]>, from files: OutputFiles, to folder: String
    ) throws(JournalError) -> Set<[UInt8]> {
        var missing: Set<[UInt8]> = []
        for hash in hashes {
            let source = files.path(of: hash)
            guard access(source, F_OK) == 0,
                try copy(source, to: "\(folder)/outputs/\(OutputFiles.name(of: hash))", hash: hash)
            else {
                missing.insert(hash)
                continue
            }
        }
        return missing
    }

    /// Copies a file under a temporary name, so that the copy is never incomplete.
    ///
    /// - Parameter hash: That of a sound file; a damaged one is not copied.
    /// - Returns: Whether it was copied.
    @discardableResult private static func copy(
        _ source: String, to target: String, hash: [UInt8]? = nil
    ) throws(JournalError) -> Bool {
        // A hidden name: retention removes hidden files that a killed process left in `outputs`.
        let name = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
        let new = "\(target[..<name]).\(target[name...]).new"
        do throws(JournalError) {
            let copied = try copyBytes(of: source, to: new)
            guard hash == nil || hash == copied else {
                unlink(new)
                return false
            }
            guard rename(new, target) == 0 else { throw JournalError(errno: errno, path: target) }
            return true
        } catch {
            unlink(new)
            throw error
        }
    }

    /// - Returns: The hash of the bytes.
    private static func copyBytes(of source: String, to new: String) throws(JournalError) -> [UInt8] {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw JournalError(errno: errno, path: source) }
        defer { close(input) }
        // A killed restore may have left a file. A link in its place is not followed.
        unlink(new)
        let output = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw JournalError(errno: errno, path: new) }
        defer { close(output) }
        var (buffer, hash) = ([UInt8](repeating: 0, count: 1 << 20), SHA256())
        while true {
            let count = read(input, &buffer, buffer.count)
            guard count >= 0 else { throw JournalError(errno: errno, path: source) }
            if count == 0 { break }
            hash.update(data: buffer[..<count])
            try FileSystem.write(buffer[..<count], to: output, new)
        }
        try FileSystem.sync(output, new)
        return Array(hash.finalize())
    }
}
