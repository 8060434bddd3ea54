internal import LibC

/// Reads a folder entry by entry, in constant memory.
final class FolderReader {
    private let stream: FolderStream
    private let number: Int32

    init(_ folder: Descriptor) throws(SystemFailure) {
        // Uses a separate descriptor, because the stream moves its offset and closes it.
        let number = try SystemFailure.check { openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(number) else {
            let failure = SystemFailure.last
            close(number)
            throw failure
        }
        self.stream = stream
        self.number = number
    }

    deinit {
        closedir(stream)
    }

    /// The next entry; nil at the end. Entries that vanish meanwhile are skipped.
    func next() throws(SystemFailure) -> FolderEntry? {
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                let failure = SystemFailure.last
                guard failure.number == 0 else { throw failure }
                return nil
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 1) { start in
                    [UInt8](UnsafeRawBufferPointer(start: start, count: strlen(start)))
                }
            }
            if name == [0x2E] || name == [0x2E, 0x2E] { continue }
            var status = stat()
            let isThere = (name + [0]).withUnsafeBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) { bytes in
                    guard let start = bytes.baseAddress else { return false }
                    return fstatat(number, start, &status, AT_SYMLINK_NOFOLLOW) == 0
                }
            }
            if isThere { return FolderEntry(name: RawName(bytes: name), kind: FolderEntry.Kind(status)) }
        }
    }
}

#if canImport(Darwin)
private typealias FolderStream = UnsafeMutablePointer<DIR>
#else
private typealias FolderStream = OpaquePointer
#endif

/// An entry of a folder.
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
        self.init(
            size: Int64(status.st_size), modified: status.modifiedNanoseconds, inode: UInt64(status.st_ino))
    }
}

extension Descriptor {
    /// The identity of the folder.
    func identity() throws(SystemFailure) -> FolderIdentity {
        var status = stat()
        _ = try SystemFailure.check { fstat(number, &status) }
        return FolderIdentity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
    }
}
