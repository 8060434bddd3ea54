#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads a folder entry by entry, so that a large one needs no more memory than a small one.
final class FolderReader {
    private let stream: FolderStream
    private let number: Int32

    init(_ folder: Descriptor) throws(SystemFailure) {
        // A descriptor of its own, because the stream moves the offset and closes it at the end.
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

    /// nil at the end. What vanishes while it is looked at is left out.
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
