import LibC
import RunnelEngine

/// System calls for the journal's files, with failures as ``JournalError``.
enum FileSystem {
    /// The identity of a file: device and inode.
    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// The identity of the file; nil if it does not exist.
    static func identity(_ path: UnsafePointer<CChar>) -> Identity? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return Identity(device: UInt64(info.st_dev), inode: UInt64(info.st_ino))
    }

    /// Creates the folder durably if it is missing.
    static func makeFolder(_ path: String) throws(JournalError) {
        guard access(path, F_OK) != 0 else { return }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw JournalError(errno: errno, path: path) }
        try syncFolder(of: path)
    }

    /// Syncs the directory entries of the folder that contains `path`.
    static func syncFolder(of path: String) throws(JournalError) {
        let end = path.lastIndex(of: "/")
        let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw JournalError(errno: errno, path: folder) }
        defer { close(descriptor) }
        try sync(descriptor, folder)
    }

    static func sync(_ descriptor: Int32, _ path: String) throws(JournalError) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw JournalError(errno: errno, path: path) }
        }
    }

    /// Writes all bytes; continues after short writes.
    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32, _ path: String) throws(JournalError) {
        var failure: Int32 = 0
        let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { buffer in
            var rest = UnsafeRawBufferPointer(buffer)[...]
            while !rest.isEmpty, failure == 0 {
                let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
                if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { failure = errno }
            }
        }
        guard isContiguous != nil else { return try write(Array(bytes), to: descriptor, path) }
        if failure != 0 { throw JournalError(errno: failure, path: path) }
    }

    /// The names in a folder, unsorted.
    static func names(in folder: String) throws(JournalError) -> [String] {
        guard let stream = opendir(folder) else { throw JournalError(errno: errno, path: folder) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The size in bytes and the age of the last change in seconds; nil if the file does not exist.
    static func facts(_ path: String) -> (size: Int64, age: Int)? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        #if os(Linux)
        let modified = info.st_mtim.tv_sec
        #else
        let modified = info.st_mtimespec.tv_sec
        #endif
        return (Int64(info.st_size), time(nil) - modified)
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
