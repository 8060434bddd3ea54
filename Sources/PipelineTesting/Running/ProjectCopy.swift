internal import LibC
import RunnelKit
import Synchronization

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
    private let followedLinks: Set<String>
    private let lock: CopyLock?

    private static let prefix = "runnel-test-"

    /// Copies the project into a new temporary folder. Names that begin with a dot are left out: the journal, version
    /// control, caches. What followed links lead to is part of the copy.
    init(of project: TestProject) throws(Failure) {
        let manager = FileManager.default
        // The real path, since steps compare paths after links are resolved.
        let base = manager.temporaryDirectory.resolvingSymlinksInPath().path
        directory = base + (base.hasSuffix("/") ? "" : "/") + "\(Self.prefix)\(UUID().uuidString.lowercased())"
        followedLinks = project.followedLinks
        folder = FolderCopy(
            of: project.directory, to: directory, files: Self.mostFiles, bytes: Self.mostBytes,
            followedLinks: followedLinks)
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
        guard !ConfinedPath.meetsLink(folders, below: directory, except: followedLinks) else {
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

/// The copies of projects that tests work in. A copy is used again once it is as it was, since copying a large project
/// takes longer than most tests.
final class ProjectCopies: Sendable {
    /// By the project's folder.
    private let idle = Mutex<[String: [ProjectCopy]]>([:])

    /// Runs `body` in a copy that nobody else uses meanwhile.
    func with<Result>(
        of project: TestProject, files: [String: [UInt8]], _ body: (ProjectCopy) async throws -> Result
    ) async throws -> Result {
        let directory = project.directory
        var copy = try idle.withLock { $0[directory]?.popLast() } ?? ProjectCopy(of: project)
        defer {
            if copy.restore() {
                idle.withLock { $0[directory, default: []].append(copy) }
            } else {
                copy.remove()
            }
        }
        for (name, bytes) in files { try copy.write(bytes, to: name) }
        return try await body(copy)
    }

    /// Removes all copies that nobody uses.
    func removeAll() {
        let copies = idle.withLock { idle in
            defer { idle = [:] }
            return idle.values.flatMap(\.self)
        }
        for copy in copies { copy.remove() }
    }
}

/// Holds the folder of a copy while its process lives, so that what a killed process left can be told from it.
final class CopyLock: Sendable {
    private let descriptor: Int32

    /// A younger folder may belong to a process that is about to lock it. In seconds.
    private static let sweepAge = 60

    /// nil where somebody else holds the folder, or it is none.
    init?(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Removes the folders in `base` whose names begin with `prefix` and that nobody holds.
    static func removeAbandoned(in base: String, prefix: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? [] where name.hasPrefix(prefix) {
            let folder = base + "/" + name
            var info = stat()
            guard lstat(folder, &info) == 0, info.st_uid == geteuid() else { continue }
            let changed = info.modifiedNanoseconds / 1_000_000_000
            guard Int64(time(nil)) - changed >= sweepAge, let lock = CopyLock(folder) else { continue }
            withExtendedLifetime(lock) { try? FileManager.default.removeItem(atPath: folder) }
        }
    }
}
