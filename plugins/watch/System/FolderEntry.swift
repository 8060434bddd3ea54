#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What stands in a folder.
struct FolderEntry: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case file(FileStatus)
        case folder
        case link
        /// A pipe, a socket, a device.
        case other
    }

    var name: RawName
    var kind: Kind
}

extension FolderEntry.Kind {
    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .file(FileStatus(status))
        case S_IFDIR: self = .folder
        case S_IFLNK: self = .link
        default: self = .other
        }
    }
}

extension FileStatus {
    init(_ status: stat) {
        #if canImport(Darwin)
        let time = status.st_mtimespec
        #else
        let time = status.st_mtim
        #endif
        self.init(
            size: Int64(status.st_size), modified: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec),
            inode: UInt64(status.st_ino))
    }
}

extension Descriptor {
    /// Which folder it is.
    func identity() throws(SystemFailure) -> FolderIdentity {
        var status = stat()
        _ = try SystemFailure.check { fstat(number, &status) }
        return FolderIdentity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
    }
}
