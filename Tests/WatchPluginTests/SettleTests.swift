import Foundation
import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch: half-written files", .timeLimit(.minutes(5))) struct SettleTests {
    @Test("a file that is not closed counts only when it was still for as long as asked, and once")
    func slowWriter() async throws {
        let clock = ManualClock()
        try await WatchFixture.with(clock: clock) { fixture in
            try await fixture.watching(["mode": "inotify"]) {
                let slow = SlowFile(fixture.absolute("inbox/slow"))
                slow.write("a")
                // What is renamed in shows that all before it has been seen.
                try fixture.drop("1", at: "inbox/1")
                try await fixture.runs.waitForAccepted(1)
                await clock.waitForSleepers(1)
                clock.advance(by: .milliseconds(400))
                slow.write("b")
                try fixture.drop("2", at: "inbox/2")
                try await fixture.runs.waitForAccepted(2)
                clock.advance(by: .milliseconds(499))
                await clock.waitForSleepers(1)
                try fixture.drop("3", at: "inbox/3")
                try await fixture.runs.waitForAccepted(3)
                #expect(await fixture.runs.paths == ["inbox/1", "inbox/2", "inbox/3"])
                clock.advance(by: .milliseconds(1))
                try await fixture.runs.waitForAccepted(4)
                // Closing it changes nothing more.
                slow.close()
                try fixture.drop("4", at: "inbox/4")
                try await fixture.runs.waitForAccepted(5)
            }
            #expect(
                await fixture.runs.paths == ["inbox/1", "inbox/2", "inbox/3", "inbox/slow", "inbox/4"])
            #expect(await fixture.runs.accepted[3].payload["size"] == 2)
        }
    }

    @Test("a file that is closed after writing counts at once, without the clock")
    func closed() async throws {
        try await WatchFixture.with(clock: ManualClock()) { fixture in
            try await fixture.watching(["mode": "inotify"]) {
                try fixture.write("all", to: "inbox/a")
                try await fixture.runs.waitForAccepted(1)
            }
            #expect(await fixture.runs.accepted[0].payload["size"] == 3)
        }
    }

    @Test("an event that is refused is emitted again after as long as asked")
    func refused() async throws {
        let clock = ManualClock()
        try await WatchFixture.with(clock: clock) { fixture in
            try await fixture.watching(["mode": "inotify"]) {
                await fixture.runs.refuse(TriggerRefusal(.journal, "the disk is full", retryAfter: .seconds(7)))
                try fixture.drop("1", at: "inbox/1")
                try await fixture.runs.waitForHealth(
                    .problem("no run can be started for \"inbox/1\": the disk is full"))
                await clock.waitForSleepers(1)
                await fixture.runs.refuse(nil)
                clock.advance(by: .seconds(7))
                try await fixture.runs.wait { $0.health.count == 3 }
            }
            #expect(await fixture.runs.paths == ["inbox/1"])
            #expect(await fixture.runs.health.last == .watching)
        }
    }

    @Test("a file beyond `runs.chain` starts no run, also later, and is a problem while it is there")
    func chained() async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["mode": "inotify"]) {
                await fixture.runs.refuse(TriggerRefusal(.chainTooLong, "the run r8 is the last of a chain"))
                try fixture.drop("1", at: "inbox/1")
                try await fixture.runs.waitForHealth(
                    .problem("\"inbox/1\" starts no run: the run r8 is the last of a chain"))
                await fixture.runs.refuse(nil)
                try await fixture.eventually { fixture.ledger["file/inbox/1"] != nil }
                // The same content, written again.
                let before = fixture.ledger["file/inbox/1"]
                try fixture.write("1", to: "inbox/1")
                try await fixture.eventually { fixture.ledger["file/inbox/1"] != before }
                #expect(await fixture.runs.health.last != .watching)
            }
            try await fixture.watching(["mode": "inotify"]) {
                try fixture.drop("2", at: "inbox/2")
                try await fixture.runs.waitForAccepted(1)
            }
            #expect(await fixture.runs.paths == ["inbox/2"])
            #expect(try fixture.status("inbox/1") != nil)
        }
    }

    @Test("a file that the trigger moved after a run continues that run's chain, also in the same pipeline")
    func movedInARing() async throws {
        try await WatchFixture.with { fixture in
            func watch(_ path: String, _ moveTo: String, run: Int) async throws {
                let entry: ValueObject = [
                    "path": .string(path), "after": "move", "move_to": .string(moveTo), "mode": "inotify",
                    "settle": "1ms",
                ]
                try await fixture.run(entry, in: fixture.harness.context) {
                    try await fixture.runs.waitForAccepted(run)
                    await fixture.runs.finish("run-\(run)", .succeeded(output: .null))
                    try await fixture.eventually {
                        fixture.text(moveTo + "/a.txt") != nil && fixture.ledger.isEmpty
                    }
                }
            }
            try fixture.makeFolder("next")
            try fixture.drop("1", at: "inbox/a.txt")
            try await watch("inbox", "next", run: 1)
            try await watch("next", "inbox", run: 2)
            try await watch("inbox", "next", run: 3)
            #expect(await fixture.runs.paths == ["inbox/a.txt", "next/a.txt", "inbox/a.txt"])
            #expect(await fixture.runs.accepted.map(\.cause) == [nil, .run("run-1"), .run("run-2")])
        }
    }

    @Test("a file in `failed` and the reason beside it come from the run that failed")
    func failedInARing() async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["after": "move", "mode": "inotify"]) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .failed(code: "c", message: "m"))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            let run = RunOrigin(pipeline: "test", runID: "run-1", isMoved: true)
            let context = fixture.harness.context
            let moved = try #require(try fixture.status("failed/a.txt")).modified
            #expect(context.origin(of: "failed/a.txt", modified: moved) == run)
            #expect(context.origin(of: "failed/a.txt.error.txt", modified: fixture.harness.now()) == run)
        }
    }

    @Test("a pipe in the folder is no file")
    func pipe() async throws {
        try await WatchFixture.with { fixture in
            #expect(mkfifo(fixture.absolute("inbox/pipe"), 0o600) == 0)
            try await fixture.watching(["mode": "inotify", "settle": "1ms"]) {
                try fixture.drop("1", at: "inbox/1")
                try await fixture.runs.waitForAccepted(1)
            }
            #expect(await fixture.runs.paths == ["inbox/1"])
            #expect(await fixture.runs.health == [.watching])
        }
    }

    @Test("an unreadable file is reported, and processed once it can be read", .enabled(if: geteuid() != 0))
    func unreadable() async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["mode": "inotify", "settle": "1ms"]) {
                try fixture.write("1", to: "staging/1")
                chmod(fixture.absolute("staging/1"), 0)
                try fixture.rename("staging/1", to: "inbox/1")
                try await fixture.runs.waitForHealth(
                    .problem("cannot read \"inbox/1\": permission denied; it is retried when it changes"))
                chmod(fixture.absolute("inbox/1"), 0o600)
                try await fixture.runs.wait { $0.health.count == 3 }
            }
            #expect(await fixture.runs.paths == ["inbox/1"])
            #expect(await fixture.runs.health.last == .watching)
        }
    }

    @Test(
        "a folder that cannot be entered is reported, and files that arrive meanwhile are processed later",
        .enabled(if: geteuid() != 0), arguments: Mode.allCases)
    func forbiddenFolder(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys) {
                try fixture.drop("1", at: "inbox/1")
                try await fixture.runs.waitForAccepted(1)
                let file = SlowFile(fixture.absolute("inbox/2"))
                chmod(fixture.absolute("inbox"), 0)
                try await fixture.runs.waitForHealth(.problem("cannot watch \"inbox\": permission denied"))
                file.write("2")
                file.close()
                chmod(fixture.absolute("inbox"), 0o700)
                try await fixture.runs.waitForAccepted(2)
            }
            #expect(await fixture.runs.paths == ["inbox/1", "inbox/2"])
        }
    }
}

/// A file that is written to bit by bit.
private struct SlowFile: Sendable {
    private let descriptor: Int32

    init(_ path: String) {
        descriptor = open(path, O_CREAT | O_WRONLY, 0o644)
    }

    func write(_ text: String) {
        _ = text.withCString { Foundation.write(descriptor, $0, strlen($0)) }
    }

    func close() {
        Foundation.close(descriptor)
    }
}
