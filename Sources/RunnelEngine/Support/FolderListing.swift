internal import LibC
internal import Synchronization

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Lists the matching files below a folder, excluding hidden folders.
///
/// It is cheap to poll every second: a folder is listed again only after it has changed, because it may contain many
/// files.
public final class FolderListing: Sendable {
    private struct Listing {
        var modifiedAt: Date
        var readAt: Date
        var files: [String] = []
        var folders: [String] = []

        /// A change within the timestamp resolution of the scan would not be visible.
        var isSettled: Bool { readAt.timeIntervalSince(modifiedAt) > 2 }
    }

    private let path: String
    private let isWanted: @Sendable (_ name: String) -> Bool
    private let entered: Set<String>?
    private let listings = Mutex<[String: Listing]>([:])

    /// - Parameters:
    ///   - entered: The names of the folders in the outermost one that are looked through; nil for all.
    ///   - isWanted: Called with file names, except hidden ones.
    public init(
        _ path: String, entering entered: Set<String>? = nil,
        where isWanted: @escaping @Sendable (_ name: String) -> Bool
    ) {
        self.path = path
        self.entered = entered
        self.isWanted = isWanted
    }

    /// The current files, sorted, with the folder's path as prefix unless it is `.`. A folder that cannot be listed
    /// keeps its last listing; nil if the outermost could never be listed.
    public func files() -> [String]? {
        let root = path == "." ? "" : path.hasSuffix("/") ? path : path + "/"
        return listings.withLock { listings in
            var seen: [String: Listing] = [:]
            var files: [String] = []
            var pending = [root]
            while let folder = pending.popLast() {
                guard let listing = listing(of: folder, before: listings[folder]) else { continue }
                seen[folder] = listing
                files += listing.files.map { folder + $0 }
                let folders = listing.folders.filter { folder != root || entered?.contains($0) ?? true }
                pending += folders.map { folder + $0 + "/" }
            }
            if seen.isEmpty { return nil }
            listings = seen
            return files.sorted()
        }
    }

    /// - Parameter folder: Empty, or with a trailing slash.
    private func listing(of folder: String, before: Listing?) -> Listing? {
        let facts = try? FileManager.default.attributesOfItem(atPath: folder + ".")
        guard let modifiedAt = facts?[.modificationDate] as? Date else { return before }
        if let before, before.modifiedAt == modifiedAt, before.isSettled { return before }
        var listing = Listing(modifiedAt: modifiedAt, readAt: Date())
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder + ".") else { return before }
        for name in names where !name.hasPrefix(".") {
            if Self.isFolder(folder + name) {
                listing.folders.append(name)
            } else if isWanted(name) {
                listing.files.append(name)
            }
        }
        return listing
    }

    /// Links to folders are not followed, so that there are no cycles.
    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}

/// Reads files up to a size limit.
public enum BoundedFile {
    /// Why a file cannot be read.
    public struct Failure: Error, Sendable, Hashable {
        /// As errno(3) has it.
        public let code: Int32

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
