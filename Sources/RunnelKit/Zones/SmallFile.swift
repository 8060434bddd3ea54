internal import LibC

/// Reads files and folders of the time zone database, without Foundation.
enum SmallFile {
    /// The maximum size in bytes, far more than any time zone needs.
    private static let limit = 1 << 20

    /// The file's bytes; nil if it does not exist, cannot be read or is too large.
    static func read(_ path: String) -> [UInt8]? {
        guard isRegular(path), let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { break }
            bytes += piece[..<count]
            guard bytes.count <= limit else { return nil }
        }
        return ferror(file) == 0 ? bytes : nil
    }

    /// The destination of a symbolic link; nil if `path` is not a link.
    static func destination(ofLink path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }

    static func isRegular(_ path: String) -> Bool { kind(path) == S_IFREG }

    /// The names in a folder, sorted, without those that begin with a dot.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                    String(cString: $0)
                }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
