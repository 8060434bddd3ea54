import RunnelTesting
import Testing

@testable import PipelineTesting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Copies of projects") struct CopyLockTests {
    @Test("those that a killed process left are removed, and those of living ones are not")
    func sweeping() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let names = ["copy-dead", "copy-alive", "copy-young", "other"]
            for name in names {
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/\(name)/in", withIntermediateDirectories: true)
                if name != "copy-young" {
                    try FileManager.default.setAttributes(
                        [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: "\(folder)/\(name)")
                }
            }
            let alive = try #require(CopyLock(folder + "/copy-alive"))
            CopyLock.removeAbandoned(in: folder, prefix: "copy-")
            let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(left == ["copy-alive", "copy-young", "other"])
            withExtendedLifetime(alive) {}
        }
    }
}
