import GRDB
import LibC
import RunnelEngine

extension JournalError {
    /// Converts an error of SQLite or GRDB.
    init(_ error: any Error, path: String) {
        guard let error = error as? DatabaseError else {
            self =
                error as? JournalError
                ?? (error is RowDecodingError
                    ? JournalError(.corrupt, "the journal \(path) holds a damaged value: \(error)")
                    : JournalError(.failed, "the journal \(path) failed: \(error)"))
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            self = .full(path)
        case .SQLITE_IOERR where Self.isFull(path): self = .full(path)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_CANTOPEN:
            self = .notWritable(path, reason: error.message ?? "no reason given")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(
                .corrupt, "the journal \(path) is damaged: \(error.message ?? "it is no SQLite database")",
                hint: "move it away and Runnel begins a new one; `sqlite3 \(path) .recover` may save what is in it")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .busy, "the journal \(path) is held by another process for too long",
                hint: "a program that looks into the file must not keep a transaction open")
        default:
            self.init(
                .failed, "the journal \(path) failed: \(error.message ?? "SQLite error \(error.resultCode)")")
        }
    }

    init(errno code: Int32, path: String) {
        switch code {
        case ENOSPC, EDQUOT: self = .full(path)
        case EACCES, EPERM, EROFS: self = .notWritable(path, reason: String(cString: strerror(code)))
        default: self.init(.failed, "\(path): \(String(cString: strerror(code)))")
        }
    }

    static func full(_ path: String) -> JournalError {
        JournalError(
            .full, "there is no space left to write \(path)",
            hint: "make room on the disk; nothing that was accepted is lost")
    }

    static func notWritable(_ path: String, reason: String) -> JournalError {
        JournalError(
            .readOnly, "\(path) cannot be written: \(reason)",
            hint: "let the user who runs Runnel write there")
    }

    /// - Parameter folder: That of the journal.
    static func unreadable(_ path: String, in folder: String, errno code: Int32) -> JournalError {
        JournalError(
            .failed, "the journal \(path) cannot be opened: \(String(cString: strerror(code)))",
            hint: code == ENOTDIR
                ? "\(folder) has to be a folder; move away what is there"
                : "let the user who runs Runnel enter \(folder), and read and write what is in it")
    }

    static func empty(_ path: String) -> JournalError {
        JournalError(
            .corrupt, "the journal \(path) is empty, such as after a full disk or a failed copy",
            hint: "restore a backup with `runnel journal restore --replace`, or remove the file to begin a new journal")
    }

    static func halfRestored(_ path: String) -> JournalError {
        JournalError(
            .failed, "a restore of the journal \(path) was interrupted",
            hint: "run `runnel journal restore` again; or remove \(path).restored to begin a new journal")
    }

    static func gone(_ path: String) -> JournalError {
        JournalError(
            .gone, "the journal \(path) was removed or replaced while it was in use",
            hint: "put it back, or start Runnel again to begin a new one")
    }

    /// Whether the file system of the file is full.
    private static func isFull(_ path: String) -> Bool {
        var info = statvfs()
        return statvfs(path, &info) == 0 && info.f_bavail < 16
    }
}
