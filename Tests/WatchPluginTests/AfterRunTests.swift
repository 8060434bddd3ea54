import Foundation
import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch: after the run", .timeLimit(.minutes(5))) struct AfterRunTests {
    @Test("with `after: move` the file moves when its run has ended well, not before", arguments: Mode.allCases)
    func move(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["after": "move", "recursive": true])) {
                try fixture.makeFolder("inbox/sub")
                try fixture.drop("1", at: "inbox/sub/a.txt")
                try await fixture.runs.waitForAccepted(1)
                #expect(fixture.text("inbox/sub/a.txt") == "1")
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.text("inbox/sub/a.txt") == nil }
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            // At its place below the watched folder.
            #expect(fixture.text("done/sub/a.txt") == "1")
            #expect(try fixture.names("done/sub") == ["a.txt"])
            #expect(await fixture.runs.accepted.count == 1)
        }
    }

    @Test(
        "a file whose time is beyond 64 bits of nanoseconds starts a run, is listed and moves",
        arguments: [(-9_300_000_000, "1677-09-21T00:12:43.145Z"), (13_569_465_600, "2262-04-11T23:47:16.854Z")])
    func farTime(seconds: Int, shown: String) async throws {
        try await WatchFixture.with { fixture in
            try fixture.write("1", to: "staging/a.txt")
            fixture.setTime(of: "staging/a.txt", to: seconds)
            // Some file systems hold fewer years.
            let status = try #require(try fixture.status("staging/a.txt"))
            guard [.min, .max].contains(status.modified) else { return }
            try await fixture.watching(["after": "move", "recursive": true, "mode": "inotify"]) {
                try fixture.rename("staging/a.txt", to: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                let (key, value) = try #require(fixture.ledger.first)
                #expect(Watch.ledgerItem(key: key, value: value)?.modified == status.modified)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            #expect(await fixture.runs.accepted.first?.payload["modified"] == .string(shown))
            #expect(fixture.text("done/a.txt") == "1")
        }
    }

    @Test("with `after: delete` the file goes when its run has ended well", arguments: Mode.allCases)
    func delete(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["after": "delete"])) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                #expect(fixture.text("inbox/a.txt") == "1")
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            #expect(try fixture.names("inbox").isEmpty)
            #expect(try fixture.names(".") == ["inbox", "staging"])
        }
    }

    @Test(
        "after a run that did not end well the file goes to `failed` with the reason beside it",
        arguments: ["move", "delete"])
    func failed(after: String) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["after": .string(after), "mode": "inotify"]) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("2", at: "inbox/b.txt")
                try await fixture.runs.waitForAccepted(2)
                await fixture.runs.finish("run-1", .failed(code: "http-status", message: "the server said 500"))
                await fixture.runs.finish("run-2", .cancelled)
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            #expect(try fixture.names("failed") == ["a.txt", "a.txt.error.txt", "b.txt", "b.txt.error.txt"])
            #expect(fixture.text("failed/a.txt") == "1")
            #expect(
                fixture.text("failed/a.txt.error.txt") == """
                    the server said 500

                    file: inbox/a.txt
                    run: run-1
                    error: http-status
                    time: 2027-01-15T08:00:00.000Z

                    """)
            #expect(
                fixture.text("failed/b.txt.error.txt") == """
                    the run was cancelled

                    file: inbox/b.txt
                    run: run-2
                    error: cancelled
                    time: 2027-01-15T08:00:00.000Z

                    """)
            #expect(try fixture.names("inbox").isEmpty)
        }
    }

    @Test("with `after: keep` the file stays, whatever becomes of the run")
    func keep() async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["mode": "inotify"]) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .failed(code: "c", message: "m"))
                try fixture.drop("2", at: "inbox/b.txt")
                try await fixture.runs.waitForAccepted(2)
            }
            #expect(try fixture.names("inbox") == ["a.txt", "b.txt"])
            #expect(try fixture.names(".") == ["inbox", "staging"])
        }
    }

    @Test("a file that was changed while its run went on stays, and is an event of its own", arguments: Mode.allCases)
    func changed(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["after": "move"])) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("22", at: "inbox/a.txt")
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.runs.waitForAccepted(2)
                #expect(fixture.text("inbox/a.txt") == "22")
                #expect(fixture.text("done/a.txt") == nil)
                await fixture.runs.finish("run-2", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            #expect(fixture.text("done/a.txt") == "22")
            #expect(await fixture.runs.accepted.count == 2)
        }
    }

    @Test(
        "every file that arrives starts a run, also with a name and content that came before", arguments: Mode.allCases)
    func redelivered(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["after": "move"])) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(2)
                #expect(fixture.text("inbox/a.txt") == "1")
                await fixture.runs.finish("run-2", .succeeded(output: .null))
                try await fixture.eventually { fixture.text("done/a-2.txt") != nil && fixture.ledger.isEmpty }
            }
            #expect(try fixture.names("done") == ["a-2.txt", "a.txt"])
            #expect(await fixture.runs.duplicates == 0)
        }
    }

    @Test("the same content that replaces a file whose run goes on is a file of its own", arguments: Mode.allCases)
    func replaced(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["after": "move"])) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(2)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                await fixture.runs.finish("run-2", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            #expect(fixture.text("done/a.txt") == "1")
        }
    }

    @Test("a file that is put back after its run failed is a new event", arguments: Mode.allCases)
    func putBack(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["after": "move"])) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .failed(code: "http-status", message: "the server said 500"))
                try await fixture.eventually { fixture.text("failed/a.txt") != nil && fixture.ledger.isEmpty }
                let source = try #require(await fixture.runs.sources["run-1"])
                #expect(try TriggerDefinition(Watch.self).isThere(source, fixture.harness.project))
                try fixture.rename("failed/a.txt", to: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(2)
                #expect(try !TriggerDefinition(Watch.self).isThere(source, fixture.harness.project))
                await fixture.runs.finish("run-2", .failed(code: "c", message: "again"))
                try await fixture.eventually { fixture.text("failed/a.txt") != nil && fixture.ledger.isEmpty }
                #expect(fixture.text("failed/a.txt.error.txt")?.hasPrefix("again\n") == true)
                #expect(try fixture.names("failed") == ["a.txt", "a.txt.error.txt"])
                try fixture.rename("failed/a.txt", to: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(3)
                await fixture.runs.finish("run-3", .succeeded(output: .null))
                try await fixture.eventually { fixture.text("done/a.txt") != nil && fixture.ledger.isEmpty }
            }
            #expect(fixture.text("done/a.txt") == "1")
            // Neither the reason of the first failure nor that of the second is left.
            #expect(try fixture.names("failed").isEmpty)
            #expect(await fixture.runs.paths == ["inbox/a.txt", "inbox/a.txt", "inbox/a.txt"])
        }
    }

    @Test("a permission error of a folder does not mean that its files are gone", .enabled(if: geteuid() != 0))
    func forbiddenPlace() async throws {
        try await WatchFixture.with { fixture in
            try fixture.makeFolder("failed")
            try fixture.drop("1", at: "failed/a.txt")
            let source = RunSource(payload: ["path": "failed/a.txt"], input: "failed/a.txt")
            chmod(fixture.absolute("failed"), 0)
            let error = #expect(throws: StepError.self) {
                try TriggerDefinition(Watch.self).isThere(source, fixture.harness.project)
            }
            chmod(fixture.absolute("failed"), 0o700)
            #expect(error?.message == "cannot look for \"failed/a.txt\": permission denied")
        }
    }

    @Test("a run that ends while nobody watches has its file moved at the next start", arguments: Mode.allCases)
    func restart(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            let keys = mode.keys(["after": "move"])
            try await fixture.watching(keys) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.eventually { fixture.ledger["file/inbox/a.txt"]?["run"] == "run-1" }
            }
            await fixture.runs.finish("run-1", .succeeded(output: .null))
            try await fixture.watching(keys) { try await fixture.eventually { fixture.ledger.isEmpty } }
            #expect(fixture.text("done/a.txt") == "1")
            #expect(await fixture.runs.accepted.count == 1)
            #expect(await fixture.runs.duplicates == 0)
        }
    }

    @Test("a run whose id was not written down any more is found again")
    func unknownRun() async throws {
        try await WatchFixture.with { fixture in
            let keys: ValueObject = ["after": "move", "mode": "inotify"]
            try await fixture.watching(keys) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.eventually { fixture.ledger["file/inbox/a.txt"]?["run"] == "run-1" }
            }
            // As the kill would have left it right after the event was accepted.
            let event = await fixture.runs.accepted[0]
            fixture.harness.memory.set(event.memory)
            #expect(fixture.ledger["file/inbox/a.txt"]?["run"] == nil)
            await fixture.runs.finish("run-1", .succeeded(output: .null))
            try await fixture.watching(keys) { try await fixture.eventually { fixture.ledger.isEmpty } }
            #expect(fixture.text("done/a.txt") == "1")
            #expect(await fixture.runs.accepted.count == 1)
            #expect(await fixture.runs.duplicates == 1)
        }
    }

    @Test("a run that is not known any more leaves its file, and says so")
    func forgottenRun() async throws {
        try await WatchFixture.with { fixture in
            let runs = CountingRuns(memory: fixture.harness.memory)
            try await fixture.run(
                ["path": "inbox", "after": "move", "mode": "inotify"], in: fixture.context(runs)
            ) {
                try fixture.drop("1", at: "inbox/a.txt")
                await runs.waitForHealth(2)
                try await fixture.eventually { fixture.ledger["file/inbox/a.txt"]?["pending"] == nil }
            }
            #expect(
                await runs.health == [
                    .watching,
                    .problem("run run-1 of \"inbox/a.txt\" no longer exists; the file stays where it is"),
                ])
            #expect(fixture.text("inbox/a.txt") == "1")
        }
    }

    @Test("a file that cannot be moved stays and is reported; the move is retried, also after a restart")
    func blocked() async throws {
        let clock = ManualClock()
        try await WatchFixture.with(clock: clock) { fixture in
            try fixture.write("in the way", to: "done")
            let keys: ValueObject = ["after": "move", "mode": "inotify"]
            let problem = TriggerHealth.problem(
                "cannot move \"inbox/a.txt\" to \"done\": it is not a folder; the file stays where it is, "
                    + "and it is tried again")
            try await fixture.watching(keys) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.runs.waitForHealth(problem)
                #expect(fixture.text("inbox/a.txt") == "1")
            }
            let count = await fixture.runs.health.count
            try await fixture.watching(keys) {
                try await fixture.runs.waitForHealth(problem, after: count)
                try fixture.remove("done")
                // The next try may not sleep on the clock yet, so the clock is advanced more than once.
                try await fixture.eventually {
                    clock.advance(by: .seconds(1))
                    return fixture.ledger.isEmpty
                }
            }
            #expect(fixture.text("done/a.txt") == "1")
            #expect(await fixture.runs.accepted.count == 1)
            #expect(await fixture.runs.health.last == .watching)
        }
    }

    @Test("if the watched folder is missing when a run ends, the file is moved once the folder is back")
    func folderAway() async throws {
        let clock = ManualClock()
        try await WatchFixture.with(clock: clock) { fixture in
            try await fixture.watching(["after": "move", "mode": "inotify", "interval": "1h"]) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.rename("inbox", to: "away")
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.runs.waitForHealth(
                    .problem(
                        "cannot open \"inbox\": there is no such file; \"inbox/a.txt\" is moved or deleted later"))
                try fixture.rename("away", to: "inbox")
                // The next try may not sleep on the clock yet, so the clock is advanced more than once.
                try await fixture.eventually {
                    clock.advance(by: .seconds(1))
                    return fixture.ledger.isEmpty
                }
            }
            #expect(fixture.text("done/a.txt") == "1")
            #expect(await fixture.runs.accepted.count == 1)
        }
    }

    @Test(
        "a file is not moved to another file system; the problem and `doctor` say what to do",
        .enabled(if: access("/dev/shm", W_OK) == 0))
    func otherFileSystem() async throws {
        let outside = "/dev/shm/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: outside) }
        try await WatchFixture.with(clock: ManualClock()) { fixture in
            var fixture = fixture
            fixture.harness.project = ProjectDirectory(path: fixture.path, followedLinks: ["linked"])
            try fixture.link("linked", to: outside)
            let (entry, watching): (ValueObject, WatchFixture) = (["path": "linked", "after": "move"], fixture)
            try await fixture.watching(entry) {
                try watching.write("1", to: "linked/a.txt")
                try await watching.runs.waitForAccepted(1)
                await watching.runs.finish("run-1", .succeeded(output: .null))
                try await watching.runs.waitForHealth(
                    .problem(
                        "cannot move \"linked/a.txt\" to \"done\": it is on another file system; the file stays where it is, "
                            + "and it is tried again; choose a folder on the same one, such as `move_to: linked/done`"))
            }
            #expect(fixture.text("linked/a.txt") == "1")
            let context = DiagnosisContext(project: fixture.harness.project)
            let findings = try await Watch(fields: entry).diagnose(pipeline: "p", context)
            let finding = { (key: String, folder: String) in
                HealthFinding.problem(
                    "folders",
                    "files of \"linked\" cannot be moved to \"\(folder)\", as p does: it is on another file system",
                    "choose a folder on the same one, such as `\(key): linked/\(folder)`")
            }
            #expect(findings == [finding("move_to", "done"), finding("failed", "failed")])
        }
    }

    @Test("folders that files are moved into are not watched, also inside the watched folder", arguments: Mode.allCases)
    func ownFolders(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            let keys = mode.keys([
                "after": "move", "recursive": true, "move_to": "inbox/done", "failed": "inbox/sub/failed",
            ])
            try await fixture.watching(keys) {
                try fixture.drop("1", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.text("inbox/done/a.txt") != nil }
                try fixture.drop("2", at: "inbox/b.txt")
                try await fixture.runs.waitForAccepted(2)
                await fixture.runs.finish("run-2", .cancelled)
                try await fixture.eventually { fixture.text("inbox/sub/failed/b.txt") != nil && fixture.ledger.isEmpty }
                try fixture.drop("3", at: "inbox/c.txt")
                try await fixture.runs.waitForAccepted(3)
            }
            #expect(await fixture.runs.paths == ["inbox/a.txt", "inbox/b.txt", "inbox/c.txt"])
        }
    }
}
