import RunnelTesting
import Testing

@testable import PipelineTesting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Copies of a project")
struct FolderCopyTests {
    private let manager = FileManager.default

    private func write(_ text: String, to path: String) throws {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private func read(_ path: String) -> String? {
        manager.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A project with a little of everything, and an empty folder for its copy.
    private func withProject(_ body: (_ source: String, _ target: String) throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let (source, target) = (directory + "/source", directory + "/target")
            try write("a", to: source + "/a.txt")
            try write("b", to: source + "/deep/er/b.txt")
            try write("secret", to: source + "/.git/config")
            try write("#!/bin/sh\n", to: source + "/plugins/run.sh")
            try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: source + "/plugins/run.sh")
            try manager.createSymbolicLink(atPath: source + "/link", withDestinationPath: "a.txt")
            try manager.createDirectory(atPath: target, withIntermediateDirectories: true)
            try body(source, target)
        }
    }

    @Test("files, folders and links are copied, programs stay programs, hidden names stay behind")
    func copies() async throws {
        try await withProject { source, target in
            var copy = FolderCopy(of: source, to: target, files: 100, bytes: 1000)
            try copy.make()
            #expect(
                try manager.subpathsOfDirectory(atPath: target).sorted() == [
                    "a.txt", "deep", "deep/er", "deep/er/b.txt", "link", "plugins", "plugins/run.sh",
                ])
            #expect(read(target + "/deep/er/b.txt") == "b")
            #expect(try manager.destinationOfSymbolicLink(atPath: target + "/link") == "a.txt")
            #expect(manager.isExecutableFile(atPath: target + "/plugins/run.sh"))
        }
    }

    @Test("afterwards everything is as it was: what came is gone, what was changed, replaced or removed is back")
    func restores() async throws {
        try await withProject { source, target in
            var copy = FolderCopy(of: source, to: target, files: 5, bytes: 1000)
            try copy.make()
            for _ in 1...3 {
                // Of the same length, so that only its time tells.
                try Data("x".utf8).write(to: URL(fileURLWithPath: target + "/a.txt"))
                try manager.removeItem(atPath: target + "/deep")
                try write("now a file", to: target + "/deep")
                try manager.removeItem(atPath: target + "/link")
                try manager.createSymbolicLink(atPath: target + "/link", withDestinationPath: "/nowhere")
                try manager.removeItem(atPath: target + "/plugins/run.sh")
                try write("new", to: target + "/out/new/c.txt")
                try write("new", to: target + "/.hidden")
                try copy.restore()
                #expect(
                    try manager.subpathsOfDirectory(atPath: target).sorted() == [
                        "a.txt", "deep", "deep/er", "deep/er/b.txt", "link", "plugins", "plugins/run.sh",
                    ])
                #expect(read(target + "/a.txt") == "a")
                #expect(read(target + "/deep/er/b.txt") == "b")
                #expect(try manager.destinationOfSymbolicLink(atPath: target + "/link") == "a.txt")
            }
        }
    }

    @Test("a project that is too large is refused")
    func tooLarge() async throws {
        try await withProject { source, target in
            var copy = FolderCopy(of: source, to: target, files: 2, bytes: 1000)
            let error = #expect(throws: FolderCopy.Failure.self) { try copy.make() }
            #expect(error?.message == "\"\(source)\" is too large")
        }
    }
}
