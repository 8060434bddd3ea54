internal import LibC

/// Copies a folder with plain system calls, and brings the copy back to what it was after it was used.
struct FolderCopy: Sendable {
    /// What could not be copied, and why.
    struct Failure: Error {
        let message: String
    }

    /// What a file was like when it was copied. The change time cannot be set by a program (POSIX, `stat`), so no change
    /// goes unnoticed.
    private struct Stamp: Sendable, Equatable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            #if canImport(Darwin)
            (seconds, nanoseconds) = (status.st_ctimespec.tv_sec, status.st_ctimespec.tv_nsec)
            #else
            (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
            #endif
        }
    }

    private let source: String
    private let target: String
    private let files: Int
    private let bytes: Int
    private var filesLeft = 0
    private var bytesLeft = 0
    /// By path below the folder.
    private var stamps: [String: Stamp] = [:]
    private var folders: Set<String> = []

    /// - Parameters:
    ///   - target: An empty folder.
    ///   - files: How many are copied at most.
    ///   - bytes: How many are copied at most.
    init(of source: String, to target: String, files: Int, bytes: Int) {
        self.source = source
        self.target = target
        self.files = files
        self.bytes = bytes
    }

    /// Copies everything. Links stay links; names that begin with a dot, and what is neither file nor folder nor link,
    /// are left out.
    mutating func make() throws(Failure) {
        (filesLeft, bytesLeft) = (files, bytes)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        try copy("", &buffer)
    }

    /// Removes what has come into the copy, and copies again what was changed or is gone.
    mutating func restore() throws(Failure) {
        try prune("")
        try make()
    }

    private mutating func prune(_ folder: String) throws(Failure) {
        for name in try Self.names(in: target + folder, isHiddenToo: true) {
            let path = folder + "/" + name
            var status = stat()
            guard lstat(target + path, &status) == 0 else { throw Self.failure(target + path) }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            if isFolder, folders.contains(path) {
                try prune(path)
            } else if isFolder {
                folders.insert(path)
                try prune(path)
                folders.remove(path)
                guard rmdir(target + path) == 0 else { throw Self.failure(target + path) }
            } else if stamps[path] != Stamp(status) {
                stamps[path] = nil
                guard unlink(target + path) == 0 else { throw Self.failure(target + path) }
            }
        }
    }

    /// Copies what is not there yet.
    private mutating func copy(_ folder: String, _ buffer: inout [UInt8]) throws(Failure) {
        for name in try Self.names(in: source + folder, isHiddenToo: false) {
            let path = folder + "/" + name
            let (from, to) = (source + path, target + path)
            var status = stat()
            guard lstat(from, &status) == 0 else { throw Self.failure(from) }
            if status.st_mode & S_IFMT == S_IFREG {
                filesLeft -= 1
                bytesLeft -= Int(status.st_size)
                guard filesLeft >= 0, bytesLeft >= 0 else { throw Failure(message: "\"\(source)\" is too large") }
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                guard mkdir(to, 0o755) == 0 || errno == EEXIST else { throw Self.failure(to) }
                folders.insert(path)
                try copy(path, &buffer)
            case _ where stamps[path] != nil && Self.isThere(to): continue
            case S_IFLNK:
                try copyLink(from, to)
                stamps[path] = try Self.stamp(of: to)
            case S_IFREG:
                try copyFile(from, to, mode: status.st_mode & 0o777 | 0o600, &buffer)
                stamps[path] = try Self.stamp(of: to)
            default: continue
            }
        }
    }

    private static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private static func stamp(of path: String) throws(Failure) -> Stamp {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw failure(path) }
        return Stamp(status)
    }

    private static func names(in folder: String, isHiddenToo: Bool) throws(Failure) -> [String] {
        guard let stream = opendir(folder) else { throw failure(folder) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard name != ".", name != "..", isHiddenToo || !name.hasPrefix(".") else { continue }
            names.append(name)
        }
        return names
    }

    private func copyLink(_ from: String, _ to: String) throws(Failure) {
        var destination = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard readlink(from, &destination, destination.count - 1) >= 0, symlink(destination, to) == 0 else {
            throw Self.failure(from)
        }
    }

    private func copyFile(
        _ from: String, _ to: String, mode: mode_t, _ buffer: inout [UInt8]
    ) throws(Failure) {
        let input = open(from, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw Self.failure(from) }
        defer { close(input) }
        let output = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard output >= 0 else { throw Self.failure(to) }
        defer { close(output) }
        while true {
            let count = read(input, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure(from) }
            if count == 0 { return }
            var written = 0
            while written < count {
                let step = buffer[written..<count].withUnsafeBytes { write(output, $0.baseAddress, $0.count) }
                if step < 0, errno == EINTR { continue }
                guard step > 0 else { throw Self.failure(to) }
                written += step
            }
        }
    }

    private static func failure(_ path: String) -> Failure {
        Failure(message: "\"\(path)\": \(String(cString: strerror(errno)))")
    }
}
