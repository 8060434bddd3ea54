internal import LibC

/// Reads files up to a size limit.
public enum BoundedFile {
    /// Why a file cannot be read.
    public struct Failure: Error, Sendable, Hashable {
        /// As errno(3) has it.
        public let code: Int32

        /// A failure with this errno.
        public init(code: Int32) {
            self.code = code
        }

        /// What the system says: `Permission denied`.
        public var reason: String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }

        /// What to do about it; nil where the reason does not tell.
        public var advice: String? {
            switch code {
            case ENOENT, ENOTDIR: "create it, or change the path"
            case EACCES, EPERM: "let the user who runs Runnel read it"
            case EISDIR: "name a file in it"
            default: nil
            }
        }

        /// The reason with the advice, for the end of a sentence.
        public var text: String { [reason, advice].compactMap(\.self).joined(separator: "; ") }
    }

    /// The beginning of a file: one byte more than `limit` if it is larger; nil if it cannot be read or is a folder.
    public static func contents(of path: String, limit: Int) -> [UInt8]? {
        try? bytes(of: path, limit: limit)
    }

    /// The same, with the reason why it cannot be read.
    ///
    /// - Parameter waits: Whether to wait for the writer of a pipe; otherwise a pipe without one reads as empty.
    public static func bytes(of path: String, limit: Int, waits: Bool = false) throws(Failure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | (waits ? 0 : O_NONBLOCK))
        guard file >= 0 else { throw Failure(code: errno) }
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
            guard count >= 0 else { throw Failure(code: errno) }
            if count == 0 { break }
            bytes += piece
        }
        return bytes
    }
}
