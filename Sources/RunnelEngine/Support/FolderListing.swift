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

    /// The folders that are not searched, at any depth: they hold programs with YAML files of their own.
    private static let skipped: Set = ["plugins", "node_modules"]

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
                guard folder == root || !listing.isProject else { continue }
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
        guard let version = FileVersion(folder + ".") else { return before }
        if let before, before.version == version, before.version.isSettled { return before }
        var listing = Listing(version: version)
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder + ".") else { return before }
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
