internal import LibC
internal import Synchronization

/// A file that is written piece by piece and takes its name when it is whole, so that a reader sees the old file or the
/// new one, and a power cut cannot undo it. One that is given up leaves nothing behind.
///
/// It is written by one task at a time.
public final class FileDraft: Sendable {
    private let target: FileTarget
    /// The temporary file in the folder of the target.
    private let file: Int32
    private let name: String
    private let written = Mutex(0)

    /// How many bytes were written.
    public var byteCount: Int { written.withLock { $0 } }

    init(_ target: FileTarget, runID: String) throws(StepError) {
        let name = TemporaryName.claim(runID: runID)
        do throws(StepError) {
            file = try target.openTemporary(name)
        } catch {
            TemporaryName.release(name)
            throw error
        }
        (self.target, self.name) = (target, name)
    }

    deinit {
        close(file)
        // Gone already where it has taken its name.
        SystemCalls.remove(name, in: target.folder.number)
        TemporaryName.release(name)
    }

    /// Adds to the end.
    ///
    /// - Throws: A ``StepError`` of the system, such as `disk-full`.
    public func write(_ bytes: [UInt8]) throws(StepError) {
        if let error = SystemCalls.write(bytes, to: file).error { throw error.stepError("write", target.path.text) }
        written.withLock { $0 += bytes.count }
    }

    /// Brings the file to the disk and gives it its name.
    ///
    /// - Returns: False if a file that was to be kept has appeared meanwhile.
    /// - Throws: A ``StepError``: `file-exists`, and others of the system.
    @discardableResult
    public func finish() throws(StepError) -> Bool {
        try target.check(SystemCalls.sync(file))
        guard try target.place(name) else { return try target.refuse() }
        try target.check(SystemCalls.sync(target.folder.number), isUnchanged: false)
        return true
    }
}

/// Where a file is to be written, in a folder that is open.
struct FileTarget {
    let path: ConfinedPath
    let folder: ConfinedFolder
    let existing: ExistingFile

    /// - Throws: A ``StepError`` for a link, a pipe, a socket or a device.
    init(_ path: ConfinedPath, existing: ExistingFile) throws(StepError) {
        folder = try ConfinedFolder(of: path, makesFolders: true, action: "write")
        (self.path, self.existing) = (path, existing)
        try folder.refuseLink()
        // Renaming would replace a pipe, a socket or a device with a regular file.
        if let kind = status.map({ $0.st_mode & S_IFMT }), kind != S_IFREG, kind != S_IFDIR {
            throw StepError(
                StepErrorCode.fileIsFolder, "cannot write \"\(path.text)\": it is not a regular file",
                hint: "name a file")
        }
    }

    /// Whether there is a file already that must not be replaced.
    var isTaken: Bool { existing != .overwrite && status != nil }

    /// Renames the temporary file. False if a file that must not be replaced has appeared meanwhile.
    fileprivate func place(_ name: String) throws(StepError) -> Bool {
        if existing != .overwrite {
            switch SystemCalls.link(name, to: path.name, in: folder.number) {
            case .success: return true
            case .failure(let error) where error.isExisting: return false
            // A file system without hard links: falls back to renaming.
            case .failure: break
            }
        }
        try check(SystemCalls.rename(name, to: path.name, in: folder.number))
        return true
    }

    /// - Returns: False where the file that is there is kept.
    func refuse() throws(StepError) -> Bool {
        guard existing == .fail else { return false }
        throw StepError(
            FileErrorCode.fileExists, "\"\(path.text)\" exists already",
            hint: "use `if_exists: overwrite` or `skip` if that is meant")
    }

    private var status: stat? {
        var status = stat()
        return fstatat(folder.number, path.name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// Uses the mode of the file to be replaced, so that a private file stays private.
    fileprivate func openTemporary(_ name: String) throws(StepError) -> Int32 {
        SystemCalls.remove(name, in: folder.number)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        let old = status.flatMap { $0.st_mode & S_IFMT == S_IFREG ? $0.st_mode & 0o777 : nil }
        switch SystemCalls.open(name, in: folder.number, flags: flags, mode: old.map { $0 & 0o600 } ?? 0o666) {
        case .success(let file):
            guard let old, case .failure(let error) = SystemCalls.setMode(old, of: file) else { return file }
            close(file)
            throw error.stepError("write", path.text)
        case .failure(let error): throw error.stepError("write", path.text)
        }
    }

    /// - Parameter isUnchanged: Whether the file is as it was after a failure.
    fileprivate func check(_ result: Result<Int32, SystemError>, isUnchanged: Bool = true) throws(StepError) {
        if case .failure(let error) = result { throw error.stepError("write", path.text, isUnchanged: isUnchanged) }
    }

    /// How long to wait for the lock of a file that is appended to, in milliseconds. Others of Runnel hold it for one
    /// write.
    private static let lockPatience = 100

    /// Adds to the end of the file in one write. If a part was written, such as on a full disk, it is removed again.
    ///
    /// - Parameter write: Writes the bytes; tests replace it.
    func append(
        _ bytes: [UInt8], write: (_ bytes: [UInt8], _ file: Int32) -> SystemCalls.Written = SystemCalls.write
    ) throws(StepError) {
        let file = try folder.open(flags: O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, action: "write")
        // Only between appenders of Runnel: a part is not removed with what another has added behind it.
        let isLocked = Self.lock(file.number)
        let before = SystemCalls.size(of: file.number)
        let written = write(bytes, file.number)
        if let error = written.error {
            let isUndone = written.count == 0 || isLocked && Self.undo(written.count, after: before, in: file.number)
            throw error.stepError("write", path.text, isUnchanged: isUndone)
        }
        if isLocked { SystemCalls.unlock(file.number) }
        try check(SystemCalls.sync(file.number), isUnchanged: false)
        try check(SystemCalls.sync(folder.number), isUnchanged: false)
    }

    /// Whether the file could be locked. Another program may hold its lock for as long as it likes.
    private static func lock(_ file: Int32) -> Bool {
        for _ in 0..<lockPatience {
            switch SystemCalls.lock(file) {
            case .success: return true
            case .failure(let error) where error.isLocked: _ = poll(nil, 0, 1)
            // A file system without locks.
            case .failure: return false
            }
        }
        return false
    }

    /// Removes what was added last. False if that is not possible, or if another program has added something too.
    private static func undo(_ count: Int, after before: Int?, in file: Int32) -> Bool {
        guard let before, SystemCalls.size(of: file) == before + count else { return false }
        if case .success = SystemCalls.truncate(file, to: before) { return true }
        return false
    }
}

/// Generates names of temporary files. Each is used by one writer of this process at a time.
///
/// A name consists of the run and a counter from 0, so that the next attempt replaces the leftover of a killed process.
enum TemporaryName {
    private static let claimed = Mutex<Set<String>>([])

    static func text(runID: String, number: Int) -> String {
        ".runnel-\(runID)-\(number).tmp"
    }

    /// A name that is unique until it is released.
    static func claim(runID: String) -> String {
        claimed.withLock { claimed in
            var number = 0
            while !claimed.insert(text(runID: runID, number: number)).inserted { number += 1 }
            return text(runID: runID, number: number)
        }
    }

    static func release(_ name: String) { _ = claimed.withLock { $0.remove(name) } }
}
