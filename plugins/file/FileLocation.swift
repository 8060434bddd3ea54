import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where a file to be read is: below the project, or named on the command line.
struct FileLocation {
    private enum Place {
        case confined(ConfinedPath)
        case granted(String)
    }

    private let place: Place

    init(path: ConfinedPath) {
        place = .confined(path)
    }

    init(granted path: String) {
        place = .granted(path)
    }

    /// As it is shown to a person.
    var shown: String {
        switch place {
        case .confined(let path): path.text
        case .granted(let path): path
        }
    }

    func read(limit: ByteCount) throws -> FileContent {
        switch place {
        case .confined(let path):
            let folder = try ConfinedFolder(of: path, makesFolders: false, action: "read")
            do throws(StepError) {
                let file = try folder.open(flags: O_RDONLY | O_NONBLOCK, action: "read")
                return try content(of: file, limit)
            } catch  where error.code == "file-not-found" {
                throw error.suggesting(FolderWalk.names(in: folder.number), for: path)
            }
        case .granted(let path):
            switch SystemCalls.open(path, in: nil, flags: O_RDONLY | O_NONBLOCK) {
            case .success(let number): return try content(of: Descriptor(owning: number), limit)
            case .failure(let error): throw error.stepError("read", path)
            }
        }
    }

    private func content(of file: Descriptor, _ limit: ByteCount) throws(StepError) -> FileContent {
        let status: stat
        switch SystemCalls.status(file.number) {
        case .success(let found): status = found
        case .failure(let error): throw error.stepError("read", shown)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
            throw StepError("file-is-folder", "cannot read \"\(shown)\": it is \(what)", hint: "name a file")
        }
        var bytes: [UInt8] = []
        while true {
            switch SystemCalls.read(file.number, upTo: 1 << 20) {
            case .failure(let error): throw error.stepError("read", shown)
            case .success(let piece):
                if piece.isEmpty {
                    return FileContent(shown: shown, bytes: bytes, modified: status.modifiedNanoseconds)
                }
                bytes += piece
            }
            guard bytes.count <= limit.bytes else {
                throw StepError(
                    "file-too-large", "\"\(shown)\" is larger than \(limit)", hint: "raise `max_size` if that is meant")
            }
        }
    }
}

extension ProjectDirectory {
    /// The path of a file, which the project's folder is not.
    func file(_ path: String, in folder: String? = nil) throws(StepError) -> ConfinedPath {
        let confined = try confined(path, in: folder)
        guard
            folder == nil
                ? !confined.parts.isEmpty : confined.parts.count > (try self.confined(folder ?? "").parts.count)
        else { throw StepError("file-is-folder", "\"\(path)\" is a folder", hint: "name a file in it") }
        return confined
    }

    func location(of path: String) throws(StepError) -> FileLocation {
        if grantedFiles.contains(path) { return FileLocation(granted: path) }
        return FileLocation(path: try file(path))
    }
}

extension stat {
    fileprivate var modifiedNanoseconds: Int64 {
        #if canImport(Darwin)
        Int64(st_mtimespec.tv_sec) * 1_000_000_000 + Int64(st_mtimespec.tv_nsec)
        #else
        Int64(st_mtim.tv_sec) * 1_000_000_000 + Int64(st_mtim.tv_nsec)
        #endif
    }
}

extension StepError {
    fileprivate func suggesting(_ names: [String], for path: ConfinedPath) -> StepError {
        var copy = self
        copy.hint = Suggestion.closest(to: path.name, among: names).map { "did you mean \"\($0)\"?" }
        return copy
    }
}
