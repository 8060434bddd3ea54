import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A copy of a project's folder that a test can do with what it likes.
struct ProjectCopy: Sendable {
    /// Why there is no copy, in one sentence.
    struct Failure: Error {
        let message: String
    }

    /// What is copied at most.
    private static let mostFiles = 20_000
    private static let mostBytes = 512 << 20

    /// Absolute.
    let directory: String
    private var folder: FolderCopy
    private let lock: CopyLock?

    private static let prefix = "runnel-test-"

    /// Copies the project into a new temporary folder. Names that begin with a dot are left out: the journal, version
    /// control, caches.
    init(of source: String) throws(Failure) {
        let manager = FileManager.default
        // The real path, since steps compare paths after links are resolved.
        let base = manager.temporaryDirectory.resolvingSymlinksInPath().path
        directory = base + (base.hasSuffix("/") ? "" : "/") + "\(Self.prefix)\(UUID().uuidString.lowercased())"
        folder = FolderCopy(of: source, to: directory, files: Self.mostFiles, bytes: Self.mostBytes)
        CopyLock.removeAbandoned(in: base, prefix: Self.prefix)
        do {
            try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
            lock = CopyLock(directory)
        } catch {
            throw Failure(message: "the folder \"\(directory)\" for the test cannot be made")
        }
        do throws(FolderCopy.Failure) {
            try folder.make()
        } catch {
            remove()
            throw Failure(
                message: "the project cannot be copied for the test: \(error.message)"
                    + " (at most \(Self.mostFiles) files and \(Self.mostBytes >> 20) MiB are copied)")
        }
    }

    /// Makes the copy as it was when it was new.
    ///
    /// - Returns: Whether that could be done.
    mutating func restore() -> Bool {
        (try? folder.restore()) != nil
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The content of a file; nil where there is none.
    func contents(of path: String) -> [UInt8]? {
        // A link of the project is one in the copy too; what lies outside is not part of the test.
        let file = URL(fileURLWithPath: "\(directory)/\(path)").resolvingSymlinksInPath().path
        guard file.hasPrefix(directory + "/") else { return nil }
        return FileManager.default.contents(atPath: file).map { Array($0) }
    }

    /// All files below the folder, by their path in it, sorted.
    func fileNames() -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    func write(_ bytes: [UInt8], to path: String) throws(Failure) {
        let folders = path.split(separator: "/").dropLast().map(String.init)
        guard !ConfinedPath.meetsLink(folders, below: directory) else {
            throw Failure(message: "the file \"\(path)\" of the test leads through a symbolic link")
        }
        let manager = FileManager.default
        let full = "\(directory)/\(path)"
        let folder = full.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        try? manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try? manager.removeItem(atPath: full)
        guard manager.createFile(atPath: full, contents: Data(bytes)) else {
            throw Failure(message: "the file \"\(path)\" of the test cannot be written")
        }
    }
}
