internal import LibC
internal import Synchronization

/// Writes a file atomically and durably.
struct AtomicWriter {
    let path: ConfinedPath
    let runID: String

    /// - Returns: Whether the file was written.
    func write(
        _ bytes: [UInt8], in folder: ConfinedFolder, existing: ExistingFile
    ) throws(StepError) -> Bool {
        try folder.refuseLink()
        if existing != .overwrite, status(in: folder.number) != nil { return try refuse(existing) }
        return try TemporaryName.claiming(runID: runID) { name throws(StepError) in
            defer { SystemCalls.remove(name, in: folder.number) }
            let file = try openTemporary(name, in: folder.number)
            try check(SystemCalls.writeAll(bytes, to: file.number))
            try check(SystemCalls.sync(file.number))
            guard try place(name, in: folder.number, existing) else { return try refuse(existing) }
            try check(SystemCalls.sync(folder.number))
            return true
        }
    }

    /// Renames the temporary file. False if a file that must not be replaced has appeared meanwhile.
    private func place(
        _ name: String, in folder: Int32, _ existing: ExistingFile
    ) throws(StepError) -> Bool {
        if existing != .overwrite {
            switch SystemCalls.link(name, to: path.name, in: folder) {
            case .success: return true
            case .failure(let error) where error.isExisting: return false
            // A file system without hard links: falls back to renaming.
            case .failure: break
            }
        }
        try check(SystemCalls.rename(name, to: path.name, in: folder))
        return true
    }

    private func refuse(_ existing: ExistingFile) throws(StepError) -> Bool {
        guard existing == .fail else { return false }
        throw StepError(
            "file-exists", "\"\(path.text)\" exists already",
            hint: "use `if_exists: overwrite` or `skip` if that is meant")
    }

    static func append(_ bytes: [UInt8], to path: ConfinedPath, in folder: ConfinedFolder) throws(StepError) {
        let file = try folder.open(flags: O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, action: "write")
        try check(SystemCalls.writeAll(bytes, to: file.number), path)
        try check(SystemCalls.sync(file.number), path)
        try check(SystemCalls.sync(folder.number), path)
    }

    private func status(in folder: Int32) -> stat? {
        var status = stat()
        return fstatat(folder, path.name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// Uses the mode of the file to be replaced, so that a private file stays private.
    private func openTemporary(_ name: String, in folder: Int32) throws(StepError) -> FileDescriptor {
        SystemCalls.remove(name, in: folder)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        let old = status(in: folder).flatMap { $0.st_mode & S_IFMT == S_IFREG ? $0.st_mode & 0o777 : nil }
        switch SystemCalls.open(name, in: folder, flags: flags, mode: old.map { $0 & 0o600 } ?? 0o666) {
        case .success(let number):
            let file = FileDescriptor(owning: number)
            if let old { try check(SystemCalls.setMode(old, of: number)) }
            return file
        case .failure(let error): throw error.stepError("write", path.text)
        }
    }

    private func check(_ result: Result<Int32, SystemError>) throws(StepError) { try Self.check(result, path) }

    private static func check(_ result: Result<Int32, SystemError>, _ path: ConfinedPath) throws(StepError) {
        if case .failure(let error) = result { throw error.stepError("write", path.text) }
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

    /// Runs `body` with a name that is unique until it returns.
    static func claiming<Output>(
        runID: String, _ body: (String) throws(StepError) -> Output
    ) throws(StepError) -> Output {
        let name = claimed.withLock { claimed in
            var number = 0
            while !claimed.insert(text(runID: runID, number: number)).inserted { number += 1 }
            return text(runID: runID, number: number)
        }
        defer { _ = claimed.withLock { $0.remove(name) } }
        return try body(name)
    }
}
