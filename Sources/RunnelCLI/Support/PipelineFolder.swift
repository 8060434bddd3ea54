import PipelineTesting
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The pipeline files below a folder: every `.yaml` and `.yml` that is no configuration, manifest or test and stands in
/// no folder whose name begins with a dot.
///
/// It may be asked each second for months: a folder is listed again only when it has changed, since what runs leave
/// behind may be many files.
final class PipelineFolder: Sendable {
    private struct Listing {
        var modifiedAt: Date
        var readAt: Date
        var files: [String] = []
        var folders: [String] = []

        /// A change in the same moment as the look would not show in the time.
        var isSettled: Bool { readAt.timeIntervalSince(modifiedAt) > 2 }
    }

    private let path: String
    private let listings = Mutex<[String: Listing]>([:])

    init(_ path: String) {
        self.path = path
    }

    /// The files that there are now, sorted. Throws when the folder itself cannot be listed; one inside of it that
    /// cannot be listed counts as it was.
    func files() throws(FileReading.Failure) -> [String] {
        let path = path
        let files = listings.withLock { listings -> [String]? in
            var seen: [String: Listing] = [:]
            var files: [String] = []
            var pending = [path == "." ? "" : path.hasSuffix("/") ? path : path + "/"]
            while let folder = pending.popLast() {
                guard let listing = Self.listing(of: folder, before: listings[folder]) else { continue }
                seen[folder] = listing
                files += listing.files.map { folder + $0 }
                pending += listing.folders.map { folder + $0 + "/" }
            }
            if seen.isEmpty { return nil }
            listings = seen
            return files.sorted()
        }
        guard FileReading.exists(path) else { throw FileReading.Failure(message: "there is no folder \"\(path)\"") }
        guard let files else {
            throw FileReading.Failure(message: "the folder \"\(path)\" cannot be read; check its permissions")
        }
        return files
    }

    /// - Parameter folder: Empty or with a slash behind it.
    private static func listing(of folder: String, before: Listing?) -> Listing? {
        let facts = try? FileManager.default.attributesOfItem(atPath: folder + ".")
        guard let modifiedAt = facts?[.modificationDate] as? Date else { return before }
        if let before, before.modifiedAt == modifiedAt, before.isSettled { return before }
        var listing = Listing(modifiedAt: modifiedAt, readAt: Date())
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder + ".") else { return before }
        for name in names where !name.hasPrefix(".") {
            if isFolder(folder + name) {
                listing.folders.append(name)
            } else if isPipeline(name) {
                listing.files.append(name)
            }
        }
        return listing
    }

    private static func isPipeline(_ name: String) -> Bool {
        (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && name != "runnel.yaml" && name != "plugin.yaml"
            && !PipelineTestFiles.isTestFile(name)
    }

    /// A link to a folder is none, so that there are no circles.
    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}
