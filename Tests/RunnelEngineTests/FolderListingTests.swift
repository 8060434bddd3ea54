import Foundation
import Synchronization
import Testing

@testable import RunnelEngine

@Suite("The files below a folder") struct FolderListingTests {
    private let root = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
        .appendingPathComponent("runnel-listing-\(UUID().uuidString)")

    private final class Locks: Sendable {
        private let folders = Mutex<Set<String>>([])

        func set(_ folders: Set<String>) { self.folders.withLock { $0 = folders } }

        /// As of a user who must not read what is locked.
        func names(_ folder: String) -> [String]? {
            let isLocked = folders.withLock { $0.contains(folder) }
            return isLocked ? nil : try? FileManager.default.contentsOfDirectory(atPath: folder)
        }
    }

    @Test("a folder that cannot be listed is named, and keeps the files of its last listing until it is gone")
    func unreadable() throws {
        defer { try? FileManager.default.removeItem(at: root) }
        let team = root.appendingPathComponent("team")
        try FileManager.default.createDirectory(at: team, withIntermediateDirectories: true)
        for file in ["a.yaml", "team/b.yaml"] { try Data().write(to: root.appendingPathComponent(file)) }
        let locks = Locks()
        let listing = FolderListing(root.path, names: { locks.names($0) }, where: { $0.hasSuffix(".yaml") })
        func look() throws -> [[String]] {
            let found = try #require(listing.look())
            return [found.files, found.unreadable].map { $0.map { String($0.dropFirst(root.path.count + 1)) } }
        }
        locks.set([team.path + "/."])
        #expect(try look() == [["a.yaml"], ["team/"]])
        locks.set([])
        #expect(try look() == [["a.yaml", "team/b.yaml"], []])
        locks.set([team.path + "/."])
        #expect(try look() == [["a.yaml", "team/b.yaml"], ["team/"]])
        try FileManager.default.removeItem(at: team)
        #expect(try look() == [["a.yaml"], []])
    }
}
