import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch: runs that are retried", .timeLimit(.minutes(5))) struct RetryTests {
    /// A project in which the run of a file has failed, with the source that its run keeps.
    private func withFailedFile(
        _ keys: ValueObject = ["after": "move"], _ body: (WatchFixture, RunSource) async throws -> Void
    ) async throws {
        try await WatchFixture.with { fixture in
            var keys = keys
            keys["mode"] = "inotify"
            try await fixture.watching(keys) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .failed(code: "http-status", message: "the server said 500"))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            try await body(fixture, try #require(await fixture.runs.sources["run-1"]))
        }
    }

    /// - Parameter startedAt: When the retry began; by default before everything else.
    private func settle(
        _ fixture: WatchFixture, _ source: RunSource, _ end: RunEnd, startedAt: Int64 = 0
    ) async throws -> RunSource? {
        try await fixture.harness.retried(Watch.self, source, end, startedAt: startedAt)
    }

    @Test("the run of a failed file knows where the file is")
    func source() async throws {
        try await withFailedFile { (_, source) async throws in
            #expect(source.payload == ["path": "failed/a.txt"])
            #expect(source.input == "failed/a.txt")
        }
    }

    @Test("when the retry has succeeded, the file goes on to `done`, and the note about the failure goes")
    func succeeded() async throws {
        try await withFailedFile { (fixture, source) async throws in
            let settled = try await settle(fixture, source, .succeeded(output: .null))
            #expect(fixture.text("done/a.txt") == "1")
            let moved = try #require(try fixture.status("done/a.txt")).modified
            let run = RunOrigin(pipeline: "test", runID: "run-2", isMoved: true)
            #expect(fixture.harness.context.origin(of: "done/a.txt", modified: moved) == run)
            #expect(try fixture.names("failed").isEmpty)
            #expect(settled == RunSource(payload: ["path": "done/a.txt"], input: "done/a.txt"))
            // The same again, as after a crash.
            #expect(try await settle(fixture, source, .succeeded(output: .null)) == nil)
        }
    }

    @Test("with `after: delete` the file goes when the retry has succeeded")
    func deleted() async throws {
        try await withFailedFile(["after": "delete"]) { (fixture, source) async throws in
            #expect(try await settle(fixture, source, .succeeded(output: .null)) == nil)
            #expect(try fixture.names("failed").isEmpty)
        }
    }

    @Test("when the retry has failed too, the file stays with the new reason beside it")
    func failedAgain() async throws {
        try await withFailedFile { (fixture, source) async throws in
            #expect(try await settle(fixture, source, .failed(code: "c", message: "no luck")) == source)
            #expect(fixture.text("failed/a.txt") == "1")
            #expect(
                fixture.text("failed/a.txt.error.txt") == """
                    no luck

                    file: inbox/a.txt
                    run: run-2
                    error: c
                    time: 2027-01-15T08:00:00.000Z

                    """)
        }
    }

    @Test("a file that was mended before the retry began is what the run has read, and goes to `done`")
    func mended() async throws {
        try await withFailedFile { (fixture, source) async throws in
            try fixture.write("22", to: "failed/a.txt")
            let end = RunEnd.succeeded(output: .null)
            let settled = try await settle(fixture, source, end, startedAt: .max)
            #expect(settled == RunSource(payload: ["path": "done/a.txt"], input: "done/a.txt"))
            #expect(fixture.text("done/a.txt") == "22")
        }
    }

    @Test("a file that was changed since the retry began is left alone")
    func changed() async throws {
        try await withFailedFile { (fixture, source) async throws in
            try fixture.write("22", to: "failed/a.txt")
            #expect(try await settle(fixture, source, .succeeded(output: .null)) == source)
            #expect(fixture.text("failed/a.txt") == "22")
        }
    }

    @Test("a retry of a run that succeeded reads the file in `done`, and leaves it there")
    func processed() async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["after": "move", "mode": "inotify"]) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            let source = try #require(await fixture.runs.sources["run-1"])
            #expect(source == RunSource(payload: ["path": "done/a.txt"], input: "done/a.txt"))
            #expect(try await settle(fixture, source, .failed(code: "c", message: "m")) == source)
            #expect(fixture.text("done/a.txt") == "1")
        }
    }

    @Test("names made of a file's name stay within 255 bytes", arguments: ["a", "\u{DC}"])
    func longNames(letter: String) throws {
        let long = String(repeating: letter, count: 250 / letter.utf8.count) + ".txt"
        for name in [long, String(repeating: letter, count: 254 / letter.utf8.count)] {
            for number in [2, 100_000] {
                let numbered = FileMover.name(name, number: number)
                #expect(numbered.utf8.count <= 255)
                #expect(numbered.contains("-\(number)"))
                #expect(FileMover.noteName(of: numbered).utf8.count <= 255)
            }
            #expect(FileMover.noteName(of: name).hasSuffix(".error.txt"))
            #expect(FileMover.noteName(of: name) != FileMover.noteName(of: FileMover.name(name, number: 2)))
        }
        #expect(FileMover.name("a.txt", number: 2) == "a-2.txt")
        #expect(FileMover.noteName(of: "a.txt") == "a.txt.error.txt")
    }
}
