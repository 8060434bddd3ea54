internal import LibC
internal import Synchronization

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Lists the matching files below a folder, excluding hidden folders, `plugins` and `node_modules`, and the folders of
/// other projects, which have a `runnel.yaml`.
///
/// It is cheap to poll every second: a folder is listed again only after it has changed, because it may contain many
/// files.
public final class FolderListing: Sendable {
    private struct Listing {
        var version: FileVersion
        var files: [String] = []
        var folders: [String] = []
        /// Whether there is a `runnel.yaml`.
        var isProject = false
    }

    /// What is below the folder at one time.
    public struct Found: Sendable {
        /// Sorted, with the folder's path as prefix unless it is `.`.
        public var files: [String]
        /// The folders that cannot be listed now, with a slash at the end. `files` has those of their last listing.
        public var unreadable: [String]

        package init(files: [String], unreadable: [String] = []) {
            self.files = files
            self.unreadable = unreadable
        }
    }

    /// The folders that are not searched, at any depth: they hold programs with YAML files of their own, or files
    /// that `fsck` has recovered.
    private static let skipped: Set = ["plugins", "node_modules", "lost+found"]

    private let path: String
    private let isWanted: @Sendable (_ name: String) -> Bool
    /// The names in a folder; nil if it cannot be listed.
    private let names: @Sendable (_ folder: String) -> [String]?
    private let entered: Set<String>?
    private let listings = Mutex<[String: Listing]>([:])

    /// - Parameters:
    ///   - entered: The names of the folders in the outermost one that are looked through; nil for all.
    ///   - isWanted: Called with file names, except hidden ones.
    public convenience init(
        _ path: String, entering entered: Set<String>? = nil,
        where isWanted: @escaping @Sendable (_ name: String) -> Bool
    ) {
        self.init(
            path, entering: entered, names: { try? FileManager.default.contentsOfDirectory(atPath: $0) },
            where: isWanted)
    }

    /// - Parameter names: The names in a folder; nil if it cannot be listed.
    init(
        _ path: String, entering entered: Set<String>? = nil,
        names: @escaping @Sendable (_ folder: String) -> [String]?,
        where isWanted: @escaping @Sendable (_ name: String) -> Bool
    ) {
        self.path = path
        self.entered = entered
        self.names = names
        self.isWanted = isWanted
    }

    /// The current files, and the folders that cannot be listed. nil if the outermost folder has never been listed.
    public func look() -> Found? {
        let root = path == "." ? "" : path.hasSuffix("/") ? path : path + "/"
        return listings.withLock { listings in
            var seen: [String: Listing] = [:]
            var found = Found(files: [])
            var pending = [root]
            while let folder = pending.popLast() {
                let current = self.listing(of: folder, before: listings[folder])
                // What has gone since its parent was listed is no folder any more.
                if current == nil, Self.isFolder(folder.isEmpty ? "." : String(folder.dropLast())) {
                    found.unreadable.append(folder.isEmpty ? "./" : folder)
                }
                guard let listing = current ?? listings[folder] else { continue }
                seen[folder] = listing
                guard folder == root || !listing.isProject else { continue }
                found.files += listing.files.map { folder + $0 }
                let folders = listing.folders.filter { folder != root || entered?.contains($0) ?? true }
                pending += folders.map { folder + $0 + "/" }
            }
            if seen.isEmpty { return nil }
            listings = seen
            found.files.sort()
            found.unreadable.sort()
            return found
        }
    }

    /// - Parameter folder: Empty, or with a trailing slash.
    /// - Returns: nil if it cannot be listed.
    private func listing(of folder: String, before: Listing?) -> Listing? {
        guard let version = FileVersion(folder + ".") else { return nil }
        if let before, before.version == version, before.version.isSettled { return before }
        var listing = Listing(version: version)
        guard let names = self.names(folder + ".") else { return nil }
        for name in names where !name.hasPrefix(".") {
            if Self.isFolder(folder + name) {
                if !Self.skipped.contains(name) { listing.folders.append(name) }
                continue
            }
            if name == "runnel.yaml" { listing.isProject = true }
            if isWanted(name) { listing.files.append(name) }
        }
        return listing
    }

    /// Links to folders are not followed, so that there are no cycles.
    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
