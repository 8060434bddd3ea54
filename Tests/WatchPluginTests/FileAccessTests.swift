import Foundation
import LibC
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch: reading and moving") struct FileAccessTests {
    @Test("a file that vanished, changed, or is none is told apart from one that was read")
    func reading() async throws {
        try await WatchFixture.with { fixture in
            let reader = FileReader(tree: ProjectTree(base: fixture.path))
            try fixture.write("hello", to: "inbox/a")
            let status = try #require(try fixture.status("inbox/a"))
            guard
                case .read(status, let hash, let arrival) = try await reader.read(
                    FilePath("inbox/a"), expected: status)
            else { Issue.record("not read"); return }
            #expect(hash == "cbd8a7b341bd9b025b1e906a48ae1d19")
            #expect(arrival > 0)
            var other = status
            other.size = 4
            #expect(try await reader.read(FilePath("inbox/a"), expected: other) == .changed(status))
            #expect(try await reader.read(FilePath("inbox/none"), expected: status) == .gone)
            #expect(try await reader.read(FilePath("none/a"), expected: status) == .gone)
            #expect(mkfifo(fixture.absolute("inbox/pipe"), 0o600) == 0)
            #expect(try await reader.read(FilePath("inbox/pipe"), expected: status) == .notRegular)
        }
    }

    @Test(
        "a file's time that 64 bits of nanoseconds do not hold is the closest one",
        arguments: [
            (1, 5, 1_000_000_005), (-1, 5, -999_999_995), (9_223_372_036, 854_775_807, .max),
            (9_223_372_036, 999_999_999, .max), (13_569_465_600, 0, .max), (Int.max, 0, .max),
            (-9_223_372_036, 0, -9_223_372_036_000_000_000), (-9_300_000_000, 0, .min), (Int.min, 999_999_999, .min),
        ] as [(Int, Int, Int64)])
    func fileTime(seconds: Int, nanoseconds: Int, expected: Int64) {
        var status = stat()
        let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        #if canImport(Darwin)
        (status.st_mtimespec, status.st_ctimespec) = (time, time)
        #else
        (status.st_mtim, status.st_ctim) = (time, time)
        #endif
        #expect(status.modifiedNanoseconds == expected)
        #expect(status.changedNanoseconds == expected)
    }

    @Test("no folder is reached through a link, whoever puts it there")
    func links() async throws {
        try await WatchFixture.with { fixture in
            try fixture.makeFolder("outside")
            try fixture.write("secret", to: "outside/a")
            try fixture.link("inbox/sub", to: fixture.absolute("outside"))
            let tree = ProjectTree(base: fixture.path)
            let status = try #require(try fixture.status("outside/a"))
            #expect(try await FileReader(tree: tree).read(FilePath("inbox/sub/a"), expected: status) == .gone)
            let mover = FileMover(tree: tree)
            let inbox = FilePath("inbox")
            #expect(try mover.move(FilePath("inbox/sub/a"), status, from: inbox, to: FilePath("done")).0 == .done)
            try fixture.link("linked", to: fixture.absolute("outside"))
            try fixture.write("b", to: "inbox/b")
            let b = try #require(try fixture.status("inbox/b"))
            let failure = try #require(throws: FileMover.Failure.self) {
                try mover.move(FilePath("inbox/b"), b, from: inbox, to: FilePath("linked"))
            }
            #expect(failure.system.reason == "it is a symbolic link, and links are not followed")
            #expect(try fixture.names("outside") == ["a"])
            #expect(try fixture.names("inbox") == ["b", "sub"])
        }
    }

    @Test(
        "nothing is ever overwritten where files are moved to, on any file system", arguments: [true, false])
    func numbering(hasExclusiveRename: Bool) async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(
                tree: ProjectTree(base: fixture.path), rename: ExclusiveRename(usesSystemCall: hasExclusiveRename))
            try fixture.makeFolder("failed")
            try fixture.write("old", to: "failed/a.txt")
            try fixture.write("old note", to: "failed/a-2.txt.error.txt")
            for number in 1...2 {
                try fixture.write("\(number)", to: "inbox/a.txt")
                let status = try #require(try fixture.status("inbox/a.txt"))
                let result = try mover.move(
                    FilePath("inbox/a.txt"), status, from: FilePath("inbox"), to: FilePath("failed"),
                    note: "note \(number)")
                #expect(result.0 == .done)
            }
            #expect(
                try fixture.names("failed") == [
                    "a-2.txt.error.txt", "a-3.txt", "a-3.txt.error.txt", "a-4.txt", "a-4.txt.error.txt", "a.txt",
                ])
            #expect(fixture.text("failed/a.txt") == "old")
            #expect(fixture.text("failed/a-2.txt.error.txt") == "old note")
            #expect(fixture.text("failed/a-3.txt") == "1")
            #expect(fixture.text("failed/a-3.txt.error.txt") == "note 1")
            #expect(fixture.text("failed/a-4.txt") == "2")
        }
    }

    @Test("the note that a killed process had written already is used")
    func noteOfAKilledProcess() async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(tree: ProjectTree(base: fixture.path))
            try fixture.makeFolder("failed")
            try fixture.write("note", to: "failed/a.txt.error.txt")
            try fixture.write("1", to: "inbox/a.txt")
            let status = try #require(try fixture.status("inbox/a.txt"))
            #expect(
                try mover.move(
                    FilePath("inbox/a.txt"), status, from: FilePath("inbox"), to: FilePath("failed"), note: "note"
                )
                .0 == .done)
            #expect(try fixture.names("failed") == ["a.txt", "a.txt.error.txt"])
        }
    }

    @Test(
        "the number stands before the extension",
        arguments: [("a.txt", "a-2.txt"), ("a.tar.gz", "a.tar-2.gz"), ("README", "README-2"), (".env", ".env-2")])
    func names(name: String, numbered: String) {
        #expect(FileMover.name(name, number: 1) == name)
        #expect(FileMover.name(name, number: 2) == numbered)
    }

    @Test("a file that is not the one that was processed is neither moved nor deleted")
    func changed() async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(tree: ProjectTree(base: fixture.path))
            try fixture.write("new", to: "inbox/a")
            let status = try #require(try fixture.status("inbox/a"))
            var older = status
            older.modified -= 1
            let path = FilePath("inbox/a")
            #expect(try mover.move(path, older, from: FilePath("inbox"), to: FilePath("done")).0 == .changed(status))
            #expect(try mover.delete(path, older, id: "r") == .changed(status))
            #expect(try fixture.names("inbox") == ["a"])
            #expect(fixture.text("inbox/a") == "new")
        }
    }

    @Test("a permission error of a folder does not mean that its files are gone", .enabled(if: geteuid() != 0))
    func forbidden() async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(tree: ProjectTree(base: fixture.path))
            try fixture.write("1", to: "inbox/a")
            let status = try #require(try fixture.status("inbox/a"))
            chmod(fixture.absolute("inbox"), 0o444)
            defer { chmod(fixture.absolute("inbox"), 0o700) }
            for delete in [true, false] {
                let failure = try #require(throws: FileMover.Failure.self) {
                    if delete {
                        _ = try mover.delete(FilePath("inbox/a"), status, id: "r")
                    } else {
                        _ = try mover.move(
                            FilePath("inbox/a"), status, from: FilePath("inbox"), to: FilePath("done"))
                    }
                }
                #expect(failure.system.reason == "permission denied")
            }
        }
    }

    @Test("what a killed process was about to delete is deleted, or put back if it is something else")
    func leftovers() async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(tree: ProjectTree(base: fixture.path))
            let name = "inbox/" + FileMover.deletingName(of: "a.txt", id: "r")
            try fixture.write("1", to: name)
            let status = try #require(try fixture.status(name))
            #expect(try mover.delete(FilePath("inbox/a.txt"), status, id: "r") == .done)
            #expect(try fixture.names("inbox").isEmpty)
            try fixture.write("22", to: name)
            #expect(try mover.delete(FilePath("inbox/a.txt"), status, id: "r") != .done)
            #expect(fixture.text("inbox/a.txt") == "22")
            #expect(try fixture.names("inbox") == ["a.txt"])
        }
    }

    @Test("an empty file that reserved the name when its process was killed is not put back as another file")
    func reservation() async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(
                tree: ProjectTree(base: fixture.path), rename: ExclusiveRename(usesSystemCall: false))
            try fixture.write("1", to: "inbox/a.txt")
            let status = try #require(try fixture.status("inbox/a.txt"))
            try fixture.write("", to: "inbox/" + FileMover.deletingName(of: "a.txt", id: "r"))
            #expect(try mover.delete(FilePath("inbox/a.txt"), status, id: "r") == .done)
            #expect(try fixture.names("inbox").isEmpty)
        }
    }

    @Test("files of one run are deleted at the same time, and none is taken for another", arguments: [true, false])
    func together(hasExclusiveRename: Bool) async throws {
        try await WatchFixture.with { fixture in
            let mover = FileMover(
                tree: ProjectTree(base: fixture.path), rename: ExclusiveRename(usesSystemCall: hasExclusiveRename))
            var files: [(path: FilePath, status: FileStatus)] = []
            for number in 1...200 {
                let name = "inbox/f\(number).txt"
                try fixture.write("\(number)", to: name)
                files.append((FilePath(name), try #require(try fixture.status(name))))
            }
            // As a process that was killed left the first.
            let left = FileMover.deletingName(of: files[0].path.name, id: "r")
            try fixture.rename(files[0].path.text, to: "inbox/" + left)
            let others = Array(files.dropFirst())
            try await withThrowingTaskGroup(of: FinishResult.self) { group in
                for (path, status) in others { group.addTask { try mover.delete(path, status, id: "r") } }
                for try await result in group { #expect(result == .done) }
            }
            #expect(try fixture.names("inbox") == [left])
            #expect(try mover.delete(files[0].path, files[0].status, id: "r") == .done)
            #expect(try fixture.names("inbox").isEmpty)
        }
    }
}
