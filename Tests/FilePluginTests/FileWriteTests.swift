import LibC
import RunnelTesting
import Synchronization
import Testing

@testable import FilePlugin
@testable import RunnelKit

@Suite("file.write") struct FileWriteTests {
    @Test(
        "text and bytes are written as they are, other values as JSON",
        arguments: [
            ("ä\n", "ä\n", 3), ("", "", 0), (.bytes([104, 105]), "hi", 2),
            (["a": [1]], "{\n  \"a\": [\n    1\n  ]\n}\n", 23),
            (5, "5\n", 2), (.null, "null\n", 5),
        ] as [(Value, String, Int64)])
    func content(content: Value, text: String, count: Int64) async throws {
        try await withFiles { files in
            let output = try await files.write(with: ["path": "a/b/c.txt", "content": content])
            #expect(output == ["path": "a/b/c.txt", "bytes": .int(count)])
            #expect(files.text("project/a/b/c.txt") == text)
            #expect(files.names == ["project", "project/a", "project/a/b", "project/a/b/c.txt"])
        }
    }

    @Test("the step's input is written unless there is content")
    func input() async throws {
        try await withFiles { files in
            var harness = files.harness
            harness.input = "in"
            _ = try await files.write(with: ["path": "a"], harness: harness)
            #expect(files.text("project/a") == "in")
            _ = try await files.write(with: ["path": "a", "content": ""], harness: harness)
            #expect(files.text("project/a") == "")
            _ = try await files.write(with: ["path": "a", "content": .null], harness: harness)
            #expect(files.text("project/a") == "null\n")
        }
    }

    @Test("what happens to a file that exists is chosen")
    func existing() async throws {
        try await withFiles { files in
            try files.write("old", "project/a.txt")
            let skipped = try await files.write(with: ["path": "a.txt", "content": "new", "if_exists": "skip"])
            #expect(skipped == ["path": "a.txt", "bytes": 0])
            #expect(files.text("project/a.txt") == "old")
            let error = try await files.writeError(["path": "a.txt", "content": "new", "if_exists": "fail"])
            #expect(error.code == "file-exists")
            #expect(error.message == "\"a.txt\" exists already")
            #expect(error.hint == "use `if_exists: overwrite` or `skip` if that is meant")
            #expect(files.text("project/a.txt") == "old")
            _ = try await files.write(with: ["path": "a.txt", "content": "new"])
            #expect(files.text("project/a.txt") == "new")
            for choice in ["skip", "fail"] {
                _ = try await files.write(with: ["path": .string(choice), "content": "x", "if_exists": .string(choice)])
                #expect(files.text("project/" + choice) == "x")
            }
            #expect(files.names == ["project", "project/a.txt", "project/fail", "project/skip"])
        }
    }

    @Test("appending adds to the end, and makes the file and its folders")
    func append() async throws {
        try await withFiles { files in
            for line in ["1\n", "2\n"] {
                let output = try await files.write(with: [
                    "path": "logs/a.log", "content": .string(line), "append": true,
                ])
                #expect(output["bytes"] == 2)
            }
            #expect(files.text("project/logs/a.log") == "1\n2\n")
        }
    }

    @Test("appending at once loses nothing and mixes no lines")
    func concurrentAppend() async throws {
        try await withFiles { files in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let line = String(repeating: "\(number % 10)", count: 2000) + "\n"
                        _ = try await files.write(with: ["path": "a.log", "content": .string(line), "append": true])
                    }
                }
                try await group.waitForAll()
            }
            let lines = try #require(files.text("project/a.log")).split(separator: "\n")
            #expect(lines.count == 50)
            #expect(lines.allSatisfy { $0.count == 2000 && Set($0).count == 1 })
        }
    }

    /// Adds "new\n" to `a.log`, of which the disk has room for "ne".
    private func appendToFullDisk(_ files: Files, meanwhile: () -> Void = {}) throws -> StepError {
        let target = try FileTarget(files.harness.project.confinedFile("a.log"), existing: .overwrite)
        return try #require(throws: StepError.self) {
            try target.append(Array("new\n".utf8)) { bytes, file in
                var written = SystemCalls.write(Array(bytes.prefix(2)), to: file)
                written.error = SystemError(number: ENOSPC)
                meanwhile()
                return written
            }
        }
    }

    @Test("a part that was appended before the disk was full is removed again")
    func appendToFullDisk() async throws {
        try await withFiles { files in
            try files.write("old\n", "project/a.log")
            let error = try appendToFullDisk(files)
            #expect(error.code == "disk-full")
            #expect(error.message == "cannot write \"a.log\": the disk is full")
            #expect(error.hint == "make room; nothing was changed")
            #expect(error.isTransient)
            #expect(files.text("project/a.log") == "old\n")
        }
    }

    @Test("a part that was appended stays if another program has added something behind it or has the lock of the file")
    func appendedByOthers() async throws {
        try await withFiles { files in
            try files.write("old\n", "project/a.log")
            let other = FileDescriptor(
                owning: try SystemCalls.open(files.project + "/a.log", in: nil, flags: O_WRONLY | O_APPEND).get())
            var error = try appendToFullDisk(files) {
                #expect(SystemCalls.write(Array("other\n".utf8), to: other.number).error == nil)
            }
            #expect(error.hint == "make room")
            #expect(files.text("project/a.log") == "old\nneother\n")
            #expect(try SystemCalls.lock(other.number).get() == 0)
            error = try appendToFullDisk(files)
            #expect(error.hint == "make room")
            #expect(files.text("project/a.log") == "old\nneother\nne")
            _ = try await files.write(with: ["path": "a.log", "content": "w", "append": true])
            #expect(files.text("project/a.log") == "old\nneother\nnew")
        }
    }

    @Test("a reader sees a whole file while several write it, also in one step of one run")
    func atomicity() async throws {
        try await withFiles { files in
            let size = 200_000
            try files.write(Array(repeating: 0x30, count: size), "project/a.txt")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        for round in 0..<10 {
                            let text = String(repeating: "\((writer + round) % 10)", count: size)
                            _ = try await files.write(with: ["path": "a.txt", "content": .string(text)])
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<100 {
                        let bytes = try await files.read(["path": "a.txt", "as": "bytes"])["bytes"]?.asBytes ?? []
                        #expect(bytes.count == size)
                        #expect(bytes.allSatisfy { $0 == bytes[0] })
                    }
                }
                try await group.waitForAll()
            }
            #expect(files.names == ["project", "project/a.txt"])
        }
    }

    @Test("of several who write a file that must not exist, one succeeds")
    func exclusive() async throws {
        try await withFiles { files in
            let successes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let with: ValueObject = ["path": "a", "content": .int(Int64(number)), "if_exists": "fail"]
                        return (try? await files.write(with: with)) != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(successes == 1)
            #expect(files.names == ["project", "project/a"])
        }
    }

    @Test("different files of one folder written at once are each right")
    func neighbours() async throws {
        try await withFiles { files in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        _ = try await files.write(with: ["path": "out/\(number)", "content": "\(number)"])
                    }
                }
                try await group.waitForAll()
            }
            for number in 0..<50 { #expect(files.text("project/out/\(number)") == "\(number)") }
            #expect(files.names.count == 52)
        }
    }

    @Test("a temporary file that a killed process left is replaced")
    func leftover() async throws {
        try await withFiles { files in
            // A run of its own: the other tests write at the same moment.
            var harness = files.harness
            harness.identity.runID = "0198c0de-0000-7000-8000-000000000002"
            try files.write("half", "project/" + TemporaryName.text(runID: harness.identity.runID, number: 0))
            _ = try await files.write(with: ["path": "a", "content": "whole"], harness: harness)
            #expect(files.text("project/a") == "whole")
            #expect(files.names == ["project", "project/a"])
        }
    }

    /// A run that is resumed with what an interrupted attempt has saved.
    private func resumed(_ harness: StepHarness) throws -> StepHarness {
        var copy = harness
        let checkpoint: Value = try #require(harness.journal.checkpoints.last)
        copy.journal = StepJournalRecorder(checkpoint: checkpoint)
        return copy
    }

    @Test(
        "a file that the process wrote before it was killed is its own when the run is resumed",
        arguments: ["fail", "skip"], [true, false])
    func resumedAfterName(choice: String, hasLeftover: Bool) async throws {
        try await withFiles { files in
            var harness = files.harness
            harness.identity.runID = "0198c0de-0000-7000-8000-000000000005"
            let with: ValueObject = ["path": "a", "content": "7", "if_exists": .string(choice)]
            let output = try await files.write(with: with, harness: harness)
            let leftover = files.project + "/" + TemporaryName.text(runID: harness.identity.runID, number: 0)
            if hasLeftover { try #require(link(files.project + "/a", leftover) == 0) }
            for _ in 1...2 {
                let again = try await files.write(with: with, harness: resumed(harness))
                #expect(again == output)
                #expect(files.text("project/a") == "7")
                #expect(files.names == ["project", "project/a"])
            }
        }
    }

    @Test("a file that another program has written meanwhile is not the run's, and the leftover is removed")
    func resumedAfterAnother() async throws {
        try await withFiles { files in
            var harness = files.harness
            harness.identity.runID = "0198c0de-0000-7000-8000-000000000006"
            let with: ValueObject = ["path": "a", "content": "7", "if_exists": "fail"]
            _ = try await files.write(with: with, harness: harness)
            let leftover = TemporaryName.text(runID: harness.identity.runID, number: 0)
            try #require(rename(files.project + "/a", files.project + "/" + leftover) == 0)
            try files.write("8", "project/a")
            let error = try await #require(throws: StepError.self) {
                _ = try await files.write(with: with, harness: resumed(harness))
            }
            #expect(error.message == "\"a\" exists already")
            #expect(files.text("project/a") == "8")
            #expect(files.names == ["project", "project/a"])
        }
    }

    @Test("a run that was killed before its file had a name writes it when it is resumed")
    func resumedBeforeName() async throws {
        try await withFiles { files in
            var harness = files.harness
            harness.identity.runID = "0198c0de-0000-7000-8000-000000000007"
            let with: ValueObject = ["path": "a", "content": "7", "if_exists": "fail"]
            _ = try await files.write(with: with, harness: harness)
            let leftover = TemporaryName.text(runID: harness.identity.runID, number: 0)
            try #require(rename(files.project + "/a", files.project + "/" + leftover) == 0)
            _ = try await files.write(with: with, harness: resumed(harness))
            #expect(files.text("project/a") == "7")
            #expect(files.names == ["project", "project/a"])
        }
    }

    @Test("a file is not named before the journal knows it, and only where it must not replace another")
    func savesCheckpoint() async throws {
        try await withFiles { files in
            let harness = files.harness
            _ = try await files.write(with: ["path": "a", "content": "x"], harness: harness)
            _ = try await files.write(with: ["path": "b", "content": "x", "append": true], harness: harness)
            _ = try await files.write(with: ["path": "a", "content": "y", "if_exists": "skip"], harness: harness)
            #expect(harness.journal.checkpoints == [])
            _ = try await files.write(with: ["path": "c", "content": "x", "if_exists": "skip"], harness: harness)
            #expect(harness.journal.checkpoints.count == 1)
        }
    }

    @Test("a temporary file that another process still writes stays as it is")
    func temporaryFileInUse() async throws {
        try await withFiles { files in
            var harness = files.harness
            harness.identity.runID = "0198c0de-0000-7000-8000-000000000003"
            let name = TemporaryName.text(runID: harness.identity.runID, number: 0)
            try files.write("half", "project/" + name)
            var other: FileDescriptor? = FileDescriptor(
                owning: try SystemCalls.open(files.project + "/" + name, in: nil, flags: O_WRONLY).get())
            #expect(try SystemCalls.lock(#require(other).number).get() == 0)
            _ = try await files.write(with: ["path": "a", "content": "whole"], harness: harness)
            #expect(files.text("project/a") == "whole")
            #expect(files.text("project/" + name) == "half")
            #expect(files.names == ["project", "project/" + name, "project/a"])
            other = nil
            _ = try await files.write(with: ["path": "a", "content": "again"], harness: harness)
            #expect(files.text("project/a") == "again")
            #expect(files.names == ["project", "project/a"])
        }
    }

    @Test("a temporary file is locked, and its name is left alone once the file has its own")
    func temporaryFileOfAnother() async throws {
        try await withFiles { files in
            let run = "0198c0de-0000-7000-8000-000000000004"
            let name = TemporaryName.text(runID: run, number: 0)
            let project = files.harness.project
            var draft = try project.draft(of: project.confinedFile("a"), runID: run)
            try draft?.write(Array("whole".utf8))
            let other = FileDescriptor(
                owning: try SystemCalls.open(files.project + "/" + name, in: nil, flags: O_WRONLY).get())
            #expect(throws: SystemError(number: EWOULDBLOCK)) { try SystemCalls.lock(other.number).get() }
            #expect(try draft?.finish() == true)
            try files.write("half", "project/" + name)
            draft = nil
            #expect(files.text("project/" + name) == "half")
            #expect(files.text("project/a") == "whole")
        }
    }

    @Test("a worker that loses its run while it writes does not give the file its name", arguments: [0, 1])
    func lostRun(checks: Int) async throws {
        try await withFiles { files in
            try files.write("old", "project/a")
            let given = files.harness.context
            let left = Mutex(checks)
            let context = StepContext(
                identity: given.identity, logger: given.logger, now: { 0 }, services: given.services,
                project: given.project, render: { text, _ in .string(text) },
                checkOwnership: {
                    try left.withLock { left in
                        left -= 1
                        if left < 0 { throw CancellationError() }
                    }
                }, progress: { _ in })
            await #expect(throws: CancellationError.self) {
                try await StepDefinition(FileWrite.self).run(["path": "a", "content": "new"], context)
            }
            #expect(left.withLock { $0 } == -1)
            #expect(files.text("project/a") == "old")
            #expect(files.names == ["project", "project/a"])
        }
    }

    static let longName = String(repeating: "n", count: 300)

    @Test(
        "what cannot be written says why, and leaves nothing behind",
        arguments: [
            ("", "bad-path", "the path is empty"),
            ("a\u{0}", "bad-path", "the path \"a\\u0000\" holds a NUL character"),
            (".", "file-is-folder", "\".\" is a folder"),
            ("new/", "file-is-folder", "\"new/\" is a folder"),
            ("old.txt/.", "file-is-folder", "\"old.txt/.\" is a folder"),
            ("new/sub/..", "file-is-folder", "\"new/sub/..\" is a folder"),
            ("in", "file-is-folder", "cannot write \"in\": it is a folder"),
            ("old.txt/a", "file-not-folder", "cannot write \"old.txt/a\": a part of the path is a file, not a folder"),
            (longName, "file-name-too-long", "cannot write \"\(longName)\": the name is too long"),
            (longName + "/a", "file-name-too-long", "cannot write \"\(longName)/a\": the name is too long"),
        ])
    func errors(path: String, code: String, message: String) async throws {
        try await withFiles { files in
            try files.write("old", "project/old.txt")
            try files.makeFolder("project/in")
            let error = try await files.writeError(["path": .string(path), "content": "x"])
            #expect(error.code == code)
            #expect(error.message == message)
            #expect(!error.isTransient)
            #expect(files.names == ["project", "project/in", "project/old.txt"])
        }
    }

    @Test("a name of the longest length can be written")
    func longestName() async throws {
        try await withFiles { files in
            let name = String(repeating: "n", count: 255)
            _ = try await files.write(with: ["path": .string(name), "content": "x"])
            #expect(files.text("project/" + name) == "x")
        }
    }

    @Test("a named pipe is not replaced, and nothing waits for it", .timeLimit(.minutes(5)), arguments: [true, false])
    func pipe(append: Bool) async throws {
        try await withFiles { files in
            try files.makePipe("project/pipe")
            let error = try await files.writeError(["path": "pipe", "content": "x", "append": .bool(append)])
            #expect(error.message == "cannot write \"pipe\": it is not a regular file")
            let left = try await files.readError(["path": "pipe"])
            #expect(left.message == "cannot read \"pipe\": it is not a regular file")
        }
    }

    @Test("a folder without the right to write is named", .enabled(if: !Files.isRoot, "root may write everywhere"))
    func readOnly() async throws {
        try await withFiles { files in
            try files.makeFolder("project/locked")
            try files.setMode(0o500, of: "project/locked")
            let error = try await files.writeError(["path": "locked/a", "content": "x"])
            let below = try await files.writeError(["path": "locked/new/a", "content": "x"])
            try files.setMode(0o700, of: "project/locked")
            #expect(error.code == "file-permission")
            #expect(error.message == "cannot write \"locked/a\": permission denied")
            #expect(below.code == "file-permission")
            #expect(below.message == "cannot write \"locked/new/a\": permission denied")
            #expect(files.names == ["project", "project/locked"])
        }
    }

    @Test("a file that is replaced keeps its mode")
    func mode() async throws {
        try await withFiles { files in
            try files.write("old", "project/a")
            try files.setMode(0o640, of: "project/a")
            _ = try await files.write(with: ["path": "a", "content": "new"])
            #expect(files.text("project/a") == "new")
            #expect(try files.mode(of: "project/a") == 0o640)
        }
    }

    @Test("a project folder that is gone is an error")
    func missingProject() async throws {
        let error = await #expect(throws: StepError.self) {
            _ = try await StepHarness(directory: "/nonexistent").run(
                FileWrite.self, with: ["path": "a", "content": "x"])
        }
        #expect(error?.message == "cannot open the project's folder \"/nonexistent\": there is no such file")
    }
}
