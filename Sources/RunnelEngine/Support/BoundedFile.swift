internal import LibC

/// Reads files up to a size limit.
public enum BoundedFile {
    /// The beginning of a file: one byte more than `limit` if it is larger; nil if it cannot be read or is a folder.
    public static func contents(of path: String, limit: Int) -> [UInt8]? {
        // Non-blocking, so that a pipe without a writer reads as empty.
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let wanted = min(1 << 16, limit + 1 - bytes.count)
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
                count = read(file, buffer.baseAddress, wanted)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += piece
        }
        return bytes
    }
}
