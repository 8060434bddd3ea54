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

    @Test("a link into the project leads into the copy, however it is written; one that leads out stays as it is")
    func linksInside() async throws {
        try await withProject { source, target in
            let outside = target + "-outside"
            try manager.createDirectory(atPath: outside, withIntermediateDirectories: true)
            try manager.createSymbolicLink(atPath: outside + "/back", withDestinationPath: source + "/deep")
            try manager.createSymbolicLink(atPath: outside + "/alias", withDestinationPath: source)
            let links = [
                ("absolute", source + "/deep", target + "/deep"),
                ("deep/file", source + "/./plugins/../a.txt", target + "/a.txt"),
                ("whole", source, target), ("new", source + "/new.txt", target + "/new.txt"),
                ("deep/around", "../../source/a.txt", target + "/a.txt"), ("deep/up", "../a.txt", "../a.txt"),
                ("through", outside + "/back/er", target + "/deep/er"), ("name", "out/back", target + "/deep"),
                ("later", outside + "/alias/later.txt", target + "/later.txt"),
                ("out", "../target-outside", "../target-outside"), ("far", outside, outside),
                ("gone", "nothing", "nothing"),
            ]
            for (path, destination, _) in links {
                try manager.createSymbolicLink(atPath: source + "/" + path, withDestinationPath: destination)
            }
            var copy = FolderCopy(of: source, to: target, files: 100, bytes: 1000)
            try copy.make()
            for (path, _, destination) in links {
                #expect(try manager.destinationOfSymbolicLink(atPath: target + "/" + path) == destination, "\(path)")
            }
            try Data("changed".utf8).write(to: URL(fileURLWithPath: target + "/absolute/er/b.txt"))
            #expect(read(source + "/deep/er/b.txt") == "b")
            try copy.restore()
            #expect(read(target + "/absolute/er/b.txt") == "b")
        }
    }

    @Test("what followed links lead to outside of the project is copied and restored as the rest")
    func followedLinks() async throws {
        try await withProject { source, target in
            let outside = target + "-outside"
            try write("y", to: outside + "/y.txt")
            try write("z", to: outside + "/in/z.txt")
            try write("hidden", to: source + "/.data/h.txt")
            try manager.createSymbolicLink(atPath: outside + "/unnamed", withDestinationPath: outside + "/in")
            try manager.createSymbolicLink(atPath: outside + "/named", withDestinationPath: outside + "/in")
            for (link, destination) in [
                ("ext", "../target-outside"), ("data", ".data"), ("inner", source + "/deep"), ("gone", "../nothing"),
            ] {
                try manager.createSymbolicLink(atPath: source + "/" + link, withDestinationPath: destination)
            }
            let links: Set = ["ext", "ext/named", "data", "inner", "gone"]
            var copy = FolderCopy(of: source, to: target, files: 100, bytes: 1000, followedLinks: links)
            try copy.make()
            for _ in 1...2 {
                let names = try manager.subpathsOfDirectory(atPath: target + "/ext").sorted()
                #expect(names == ["in", "in/z.txt", "named", "named/z.txt", "unnamed", "y.txt"])
                #expect(read(target + "/data/h.txt") == "hidden")
                #expect(try manager.destinationOfSymbolicLink(atPath: target + "/inner") == target + "/deep")
                #expect(try manager.destinationOfSymbolicLink(atPath: target + "/gone") == "../nothing")
                try write("changed", to: target + "/ext/y.txt")
                try write("new", to: target + "/ext/new.txt")
                try copy.restore()
            }
            #expect(read(outside + "/y.txt") == "y")
            #expect(try manager.contentsOfDirectory(atPath: outside).count == 4)
        }
    }

    @Test("a project that is too large with what its followed links lead to is refused, and they are named")
    func tooLargeWithLinks() async throws {
        try await withTemporaryDirectory { directory in
            let (source, target) = (directory + "/source", directory + "/target")
            for name in ["1", "2", "3"] { try write("a", to: directory + "/outside/" + name) }
            for folder in [source, target] {
                try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            try manager.createSymbolicLink(atPath: source + "/ext", withDestinationPath: "../outside")
            var copy = FolderCopy(of: source, to: target, files: 2, bytes: 1000, followedLinks: ["ext"])
            let error = #expect(throws: FolderCopy.Failure.self) { try copy.make() }
            #expect(error?.message == "\"\(source)\", with what is behind \"ext\", is too large")
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
