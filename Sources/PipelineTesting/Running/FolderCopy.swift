internal import LibC
import RunnelKit

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
    /// The source without links on the way to it.
    private let realSource: String
    private let target: String
    private let files: Int
    private let bytes: Int
    private let followedLinks: Set<String>
    /// Those of the followed links whose content was copied.
    private var copiedLinks: [String] = []
    private var filesLeft = 0
    private var bytesLeft = 0
    /// By path below the folder.
    private var stamps: [String: Stamp] = [:]
    private var folders: Set<String> = []

    /// - Parameters:
    ///   - target: An empty folder.
    ///   - files: How many are copied at most.
    ///   - bytes: How many are copied at most.
    ///   - followedLinks: Links, relative to the folder. What they lead to outside of it is copied in their place.
    init(of source: String, to target: String, files: Int, bytes: Int, followedLinks: Set<String> = []) {
        self.source = source
        realSource = realPath(source) ?? source
        self.followedLinks = followedLinks
        self.target = target
        self.files = files
        self.bytes = bytes
    }

    /// Copies everything. Links stay links, except followed ones; those into the folder lead into the copy. Names that
    /// begin with a dot, and what is neither file nor folder nor link, are left out.
    mutating func make() throws(Failure) {
        (filesLeft, bytesLeft, copiedLinks) = (files, bytes, [])
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
            if status.st_mode & S_IFMT == S_IFLNK, let followed = followed(path) {
                status = followed
                copiedLinks.append(String(path.dropFirst()))
            }
            if status.st_mode & S_IFMT == S_IFREG {
                filesLeft -= 1
                bytesLeft -= Int(status.st_size)
                guard filesLeft >= 0, bytesLeft >= 0 else { throw tooLarge }
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                guard mkdir(to, 0o755) == 0 || errno == EEXIST else { throw Self.failure(to) }
                folders.insert(path)
                try copy(path, &buffer)
            case _ where stamps[path] != nil && Self.isThere(to): continue
            case S_IFLNK:
                try copyLink(path)
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

    private var tooLarge: Failure {
        let links = copiedLinks.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
        return Failure(
            message: "\"\(source)\"" + (links.isEmpty ? "" : ", with what is behind \(links),") + " is too large")
    }

    /// What is behind a followed link and is copied in its place; nil for other links, for those into the copy, and where
    /// there is neither file nor folder.
    private func followed(_ path: String) -> stat? {
        guard followedLinks.contains(String(path.dropFirst())) else { return nil }
        // Hidden places are not copied, so a link to one would lead nowhere.
        if let parts = realPath(source + path).flatMap({ parts(of: $0) }),
            !parts.contains(where: { $0.hasPrefix(".") })
        {
            return nil
        }
        var status = stat()
        guard stat(source + path, &status) == 0, [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
            return nil
        }
        return status
    }

    private func copyLink(_ path: String) throws(Failure) {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink(source + path, &bytes, bytes.count - 1)
        guard count >= 0 else { throw Self.failure(source + path) }
        let text = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let inside = destination(ofLink: path, to: text)
        guard (inside.map { symlink($0, target + path) } ?? symlink(bytes, target + path)) == 0 else {
            throw Self.failure(source + path)
        }
    }

    /// Where the copy of a link leads into the copy; nil where it leads as the link itself does: by a relative path that
    /// does not leave the folder, or out of it.
    private func destination(ofLink path: String, to text: String) -> String? {
        let folder = path.split(separator: "/").dropLast().map(String.init)
        let isRelative = !text.hasPrefix("/")
        let whole = isRelative ? ([source] + folder).joined(separator: "/") + "/" + text : text
        let named = parts(of: whole)
        let staysInside = isRelative && !Self.leaves(text, depth: folder.count)
        if let named, !ConfinedPath.meetsLink(named.dropLast(), below: source) {
            return staysInside ? nil : inCopy(named)
        }
        // Through other links. The last name may not exist yet, and would be made by who writes through the link.
        var real = realPath(whole)
        if real == nil, let slash = whole.lastIndex(of: "/") {
            real = realPath(String(whole[...slash])).map { $0 + whole[slash...] }
        }
        if let parts = real.flatMap({ parts(of: $0) }) { return inCopy(parts) }
        return staysInside ? nil : named.map(inCopy)
    }

    private func inCopy(_ parts: [String]) -> String { ([target] + parts).joined(separator: "/") }

    /// The names that lead from the folder to an absolute path, by its text; nil for one outside.
    private func parts(of path: String) -> [String]? {
        let names = Self.names(of: path)
        for base in [source, realSource].map(Self.names) where names.starts(with: base) {
            return Array(names.dropFirst(base.count))
        }
        return nil
    }

    private static func names(of path: String) -> [String] {
        path.split(separator: "/").reduce(into: []) { names, name in
            switch name {
            case ".": break
            case "..": _ = names.popLast()
            default: names.append(String(name))
            }
        }
    }

    /// Whether a relative path leads out of the folder on its way, even if it comes back.
    private static func leaves(_ path: String, depth: Int) -> Bool {
        var depth = depth
        for name in path.split(separator: "/") where name != "." {
            depth += name == ".." ? -1 : 1
            if depth < 0 { return true }
        }
        return false
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
