import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes a file so that others see all of it or nothing, and a power cut cannot undo it.
struct AtomicWriter {
    let path: ConfinedPath
    /// Names the run, so that a leftover of a killed process is replaced by the attempt that follows.
    let temporaryName: String

    /// - Returns: Whether anything was written.
    func write(
        _ bytes: [UInt8], in folder: ConfinedFolder, existing: FileWrite.Existing
    ) throws(StepError) -> Bool {
        try folder.refuseLink()
        if existing != .overwrite, exists(in: folder.number) {
            guard existing == .fail else { return false }
            throw StepError(
                "file-exists", "\"\(path.text)\" exists already", hint: "use `if_exists: overwrite` or `skip` if that is meant")
        }
        do {
            let file = try openTemporary(in: folder.number)
            try check(SystemCalls.writeAll(bytes, to: file.number))
            try check(SystemCalls.sync(file.number))
            try check(SystemCalls.rename(temporaryName, to: path.name, in: folder.number))
            try check(SystemCalls.sync(folder.number))
            return true
        } catch {
            SystemCalls.remove(temporaryName, in: folder.number)
            throw error
        }
    }

    func append(_ bytes: [UInt8], in folder: ConfinedFolder) throws(StepError) {
        let file = try folder.open(flags: O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, action: "write")
        try check(SystemCalls.writeAll(bytes, to: file.number))
        try check(SystemCalls.sync(file.number))
        try check(SystemCalls.sync(folder.number))
    }

    private func exists(in folder: Int32) -> Bool {
        faccessat(folder, path.name, F_OK, 0) == 0
    }

    private func openTemporary(in folder: Int32) throws(StepError) -> Descriptor {
        SystemCalls.remove(temporaryName, in: folder)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
        switch SystemCalls.open(temporaryName, in: folder, flags: flags, mode: 0o666) {
        case .success(let number): return Descriptor(owning: number)
        case .failure(let error): throw error.stepError("write", path.text)
        }
    }

    private func check(_ result: Result<Int32, SystemError>) throws(StepError) {
        if case .failure(let error) = result { throw error.stepError("write", path.text) }
    }
}
