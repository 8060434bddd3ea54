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
    private let state = Mutex(State())

    private struct State {
        var byteCount = 0
        /// Whether the temporary name is not used any more. Then it may be another process's.
        var isPlaced = false
    }

    /// How many bytes were written.
    public var byteCount: Int { state.withLock { $0.byteCount } }

    init(_ target: FileTarget, runID: String) throws(StepError) {
        var number = 0
        while true {
            let name = TemporaryName.claim(runID: runID, from: &number)
            do throws(StepError) {
                if let file = try target.openTemporary(name) {
                    (self.target, self.file, self.name) = (target, file, name)
                    return
                }
            } catch {
                TemporaryName.release(name)
                throw error
            }
            TemporaryName.release(name)
            number += 1
        }
    }

    deinit {
        // Before it is closed, which releases the lock.
        if !state.withLock({ $0.isPlaced }) { SystemCalls.remove(name, in: target.folder.number) }
        close(file)
        TemporaryName.release(name)
    }

    /// Adds to the end.
    ///
    /// - Throws: A ``StepError`` of the system, such as `disk-full`.
    public func write(_ bytes: [UInt8]) throws(StepError) {
        if let error = SystemCalls.write(bytes, to: file).error { throw error.stepError("write", target.path.text) }
        state.withLock { $0.byteCount += bytes.count }
    }

    /// Brings the file to the disk and returns what identifies it, also under its name; see
    /// ``ProjectDirectory/hasWritten(_:as:)``. Nothing is written after that.
    ///
    /// - Throws: A ``StepError`` of the system.
    public func checkpoint() throws(StepError) -> Value {
        try target.check(SystemCalls.sync(file))
        switch SystemCalls.status(file) {
        case .success(let status): return FileTarget.identity(status, temporaryName: name)
        case .failure(let error): throw error.stepError("write", target.path.text)
        }
    }

    /// Brings the file to the disk and gives it its name.
    ///
    /// - Returns: False if a file that was to be kept has appeared meanwhile.
    /// - Throws: A ``StepError``: `file-exists`, and others of the system.
    @discardableResult
    public func finish() throws(StepError) -> Bool {
        try target.check(SystemCalls.sync(file))
        return try takeName()
    }

    /// Brings the file to the disk and gives it its name.
    ///
    /// - Parameter checkOwnership: Called right before the file gets its name, which it does not get if this throws.
    ///   Bringing a large file to the disk takes time. See ``StepContext/checkOwnership()``.
    /// - Returns: False if a file that was to be kept has appeared meanwhile.
    /// - Throws: A ``StepError``: `file-exists`, and others of the system; what `checkOwnership` throws.
    @discardableResult
    public func finish(checkOwnership: () throws -> Void) throws -> Bool {
        try target.check(SystemCalls.sync(file))
        try checkOwnership()
        return try takeName()
    }

    private func takeName() throws(StepError) -> Bool {
        guard try target.place(name) else { return try target.refuse() }
        state.withLock { $0.isPlaced = true }
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
            case .success:
                SystemCalls.remove(name, in: folder.number)
                return true
            case .failure(let error) where error.isExisting: return false
            // A file system without hard links: falls back to renaming.
            case .failure: break
            }
        }
        try check(SystemCalls.rename(name, to: path.name, in: folder.number))
        return true
    }

    /// What identifies a file, also after it was renamed and the system has started again, when its device may have
    /// another number. The time tells it from a later file with the number of a removed one.
    fileprivate static func identity(_ status: stat, temporaryName: String) -> Value {
        [
            "inode": .int(Int64(bitPattern: UInt64(status.st_ino))), "size": .int(Int64(status.st_size)),
            "modified": .int(status.modifiedNanoseconds), "temporary": .string(temporaryName),
        ]
    }

    /// Whether the file is the one that a checkpoint describes. Removes the temporary file that the attempt has left.
    func isWritten(as checkpoint: Value) throws(StepError) -> Bool {
        guard let temporaryName = checkpoint["temporary"]?.asString else { return false }
        if TemporaryName.claim(temporaryName) {
            _ = removeLeftover(temporaryName)
            TemporaryName.release(temporaryName)
        }
        guard let status, Self.identity(status, temporaryName: temporaryName) == checkpoint else { return false }
        // The process may have been killed before it did this.
        try check(SystemCalls.sync(folder.number), isUnchanged: false)
        return true
    }

    /// - Returns: False where the file that is there is kept.
    func refuse() throws(StepError) -> Bool {
        guard existing == .fail else { return false }
        throw StepError(
            FileErrorCode.fileExists, "\"\(path.text)\" exists already",
            hint: "use `if_exists: overwrite` or `skip` if that is meant")
    }

    private var status: stat? { status(of: path.name) }

    private func status(of name: String) -> stat? {
        var status = stat()
        return fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// Uses the mode of the file to be replaced, so that a private file stays private. The file is locked, so that no
    /// other process takes it for a leftover.
    ///
    /// - Returns: nil if another process uses the name.
    fileprivate func openTemporary(_ name: String) throws(StepError) -> Int32? {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        let old = status.flatMap { $0.st_mode & S_IFMT == S_IFREG ? $0.st_mode & 0o777 : nil }
        let mode = old.map { $0 & 0o600 } ?? 0o666
        var opened = SystemCalls.open(name, in: folder.number, flags: flags, mode: mode)
        if case .failure(let error) = opened, error.isExisting {
            guard removeLeftover(name) else { return nil }
            opened = SystemCalls.open(name, in: folder.number, flags: flags, mode: mode)
        }
        switch opened {
        case .success(let file):
            // Another process may take the file for a leftover before it is locked, and remove it.
            let isTaken = if case .failure(let error) = SystemCalls.lock(file) { error.isLocked } else { false }
            if isTaken || (try? SystemCalls.status(file).get())?.st_nlink == 0 {
                close(file)
                return nil
            }
            guard let old, case .failure(let error) = SystemCalls.setMode(old, of: file) else { return file }
            SystemCalls.remove(name, in: folder.number)
            close(file)
            throw error.stepError("write", path.text)
        case .failure(let error) where error.isExisting: return nil
        case .failure(let error): throw error.stepError("write", path.text)
        }
    }

    /// Removes the temporary file of a process that was killed. False if its process may still use it.
    private func removeLeftover(_ name: String) -> Bool {
        // NFS locks only what is open for writing, and a file that replaces a read-only one is read-only.
        let opened = [O_WRONLY, O_RDONLY].lazy.compactMap { [folder] access in
            try? SystemCalls.open(name, in: folder.number, flags: access | O_NOFOLLOW | O_NONBLOCK).get()
        }
        guard let number = opened.first else { return false }
        let leftover = FileDescriptor(owning: number)
        // A file system without locks has none that could be missed.
        if case .failure(let error) = SystemCalls.lock(leftover.number), error.isLocked { return false }
        // Its process may have given it its name, and another file may have the temporary name now.
        guard let named = status(of: name), case .success(let locked) = SystemCalls.status(leftover.number),
            named.st_dev == locked.st_dev, named.st_ino == locked.st_ino
        else { return false }
        SystemCalls.remove(name, in: folder.number)
        return true
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

/// Generates names of temporary files. Each is used by one writer of this process at a time, and by one process: the
/// file is locked.
///
/// A name consists of the run and a counter from 0, so that the next attempt replaces the leftover of a killed process.
enum TemporaryName {
    private static let claimed = Mutex<Set<String>>([])

    static func text(runID: String, number: Int) -> String {
        ".runnel-\(runID)-\(number).tmp"
    }

    /// A name that is unique in this process until it is released.
    ///
    /// - Parameter number: The number to begin with; on return, the number of the name.
    static func claim(runID: String, from number: inout Int) -> String {
        claimed.withLock { claimed in
            while !claimed.insert(text(runID: runID, number: number)).inserted { number += 1 }
            return text(runID: runID, number: number)
        }
    }

    /// Whether nothing in this process uses the name, which it then has until it is released.
    static func claim(_ name: String) -> Bool { claimed.withLock { $0.insert(name).inserted } }

    static func release(_ name: String) { _ = claimed.withLock { $0.remove(name) } }
}
