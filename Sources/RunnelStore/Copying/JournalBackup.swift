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
        /// The number of large values that are not in it, because the journal itself has lost their files.
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
            for part in [folder + "/outputs", folder] {
                for name in (try? FileSystem.names(in: part)) ?? [] { unlink("\(part)/\(name)") }
                rmdir(part)
            }
            throw error
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

    /// Puts a backup in the place of a journal that no process uses.
    ///
    /// - Parameters:
    ///   - directory: The project's `.runnel`.
    ///   - replaces: Whether a journal that is there is moved aside, to `journal.db.before-restore` or, where one was
    ///     moved before, to `journal.db.before-restore-2` and so on.
    /// - Returns: The new path of the replaced journal; nil if there was none.
    @discardableResult public static func restore(
        _ folder: String, to directory: String, replaces: Bool
    ) async throws(JournalError) -> String? {
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
        // A process that opened the backup may have left commits only in its write-ahead log.
        let new = place + ".restored"
        let suffixes = ["-wal", "-journal", ""]
        // A killed restore may have left a copy.
        JournalFile.remove(new)
        do throws(JournalError) {
            for part in suffixes where access(folder + "/journal.db" + part, F_OK) == 0 {
                try copy(folder + "/journal.db" + part, to: new + part)
            }
            try check(new, of: folder)
            // The folder may be missing: object stores and some copy tools do not keep empty folders.
            let values = try access(folder + "/outputs", F_OK) == 0 ? FileSystem.names(in: folder + "/outputs") : []
            for name in values where OutputFiles.hash(of: name) != nil {
                try copy("\(folder)/outputs/\(name)", to: "\(directory)/outputs/\(name)")
            }
        } catch {
            JournalFile.remove(new)
            throw error
        }
        // The database last, so that a journal never names files that are not there yet.
        let parts = suffixes.filter { access(new + $0, F_OK) == 0 }
        let aside = try file.moveAside(to: ".before-restore")
        for part in parts {
            guard rename(new + part, place + part) == 0 else { throw JournalError(errno: errno, path: place + part) }
        }
        try FileSystem.syncFolder(of: place)
        return aside
    }

    /// Throws unless the copied database is intact, and is a journal of this version or an older one.
    private static func check(_ path: String, of folder: String) throws(JournalError) {
        let backup = "the backup \(folder)"
        do {
            let queue = try DatabaseQueue(path: path, configuration: JournalFile.configuration)
            let migrator = JournalSchema.migrator
            try queue.read { db in
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
            }
            try queue.close()
        } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
            throw JournalError(
                .corrupt, "\(backup) is damaged: \(error.message ?? "it is no SQLite database")",
                hint: "use another backup; nothing has been replaced")
        } catch {
            throw JournalError(error, path: path)
        }
    }

    /// - Returns: The hashes whose files are missing.
    private static func copyFiles(
        _ hashes: Set<[UInt8]>, from files: OutputFiles, to folder: String
    ) throws(JournalError) -> Set<[UInt8]> {
        var missing: Set<[UInt8]> = []
        for hash in hashes {
            let source = files.path(of: hash)
            guard access(source, F_OK) == 0 else {
                missing.insert(hash)
                continue
            }
            try copy(source, to: "\(folder)/outputs/\(OutputFiles.name(of: hash))")
        }
        return missing
    }

    /// Copies a file under a temporary name, so that the copy is never incomplete.
    private static func copy(_ source: String, to target: String) throws(JournalError) {
        // A hidden name: retention removes hidden files that a killed process left in `outputs`.
        let name = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
        let new = "\(target[..<name]).\(target[name...]).new"
        do throws(JournalError) {
            try copyBytes(of: source, to: new)
            guard rename(new, target) == 0 else { throw JournalError(errno: errno, path: target) }
        } catch {
            unlink(new)
            throw error
        }
    }

    private static func copyBytes(of source: String, to new: String) throws(JournalError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw JournalError(errno: errno, path: source) }
        defer { close(input) }
        // A killed restore may have left a file. A link in its place is not followed.
        unlink(new)
        let output = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw JournalError(errno: errno, path: new) }
        defer { close(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(input, &buffer, buffer.count)
            guard count >= 0 else { throw JournalError(errno: errno, path: source) }
            if count == 0 { break }
            try FileSystem.write(buffer[..<count], to: output, new)
        }
        try FileSystem.sync(output, new)
    }
}
