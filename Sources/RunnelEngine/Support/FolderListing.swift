internal import Synchronization

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The files below a folder whose names are wanted, in no folder whose name begins with a dot.
///
/// It may be asked each second for months: a folder is listed again only when it has changed, since what runs leave
/// behind may be many files.
public final class FolderListing: Sendable {
    private struct Listing {
        var modifiedAt: Date
        var readAt: Date
        var files: [String] = []
        var folders: [String] = []

        /// A change in the same moment as the look would not show in the time.
        var isSettled: Bool { readAt.timeIntervalSince(modifiedAt) > 2 }
    }

    private let path: String
    private let isWanted: @Sendable (_ name: String) -> Bool
    private let listings = Mutex<[String: Listing]>([:])

    /// - Parameter isWanted: Asked with the last part of a path. None that begins with a dot is asked about.
    public init(_ path: String, where isWanted: @escaping @Sendable (_ name: String) -> Bool) {
        self.path = path
        self.isWanted = isWanted
    }

    /// The files that there are now, sorted, with the folder's path before them unless that is `.`. A folder that cannot
    /// be listed counts as it was; nil when the outermost never could be.
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
                pending += listing.folders.map { folder + $0 + "/" }
            }
            if seen.isEmpty { return nil }
            listings = seen
            return files.sorted()
        }
    }

    /// - Parameter folder: Empty or with a slash behind it.
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

    /// A link to a folder is none, so that there are no circles.
    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
