import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch", .timeLimit(.minutes(2))) struct WatchTests {
    @Test("a file that is renamed into the folder starts a run with its facts", arguments: Mode.allCases)
    func renamed(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys) {
                try fixture.drop("hello", at: "inbox/Report 1.PDF")
                try await fixture.runs.waitForAccepted(1)
            }
            let event = try #require(await fixture.runs.accepted.first)
            let modified = try #require(try fixture.status("inbox/Report 1.PDF")).modified
            #expect(
                event.payload == [
                    "path": "inbox/Report 1.PDF", "name": "Report 1.PDF", "stem": "Report 1", "extension": "pdf",
                    "size": 5, "modified": .string(Timestamp.text(nanoseconds: modified)),
                    "media_type": "application/pdf",
                ])
            #expect(event.input == "inbox/Report 1.PDF")
            #expect(event.dedupeKey == "watch:inbox/Report%201.PDF:5:cbd8a7b341bd9b025b1e906a48ae1d19")
        }
    }

    @Test("files that were there before the start are processed, each once over two lives", arguments: Mode.allCases)
    func restart(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try fixture.write("1", to: "inbox/a")
            try await fixture.watching(mode.keys) { try await fixture.runs.waitForAccepted(1) }
            // While nobody watches.
            try fixture.write("2", to: "inbox/b")
            try await fixture.watching(mode.keys) { try await fixture.runs.waitForAccepted(2) }
            #expect(await fixture.runs.paths == ["inbox/a", "inbox/b"])
            #expect(await fixture.runs.duplicates == 0)
        }
    }

    @Test("a changed file starts another run, one with a new time only does not", arguments: Mode.allCases)
    func changed(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys) {
                try fixture.drop("one", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("one", at: "inbox/a.txt")
                try fixture.drop("sentinel", at: "inbox/b.txt")
                try await fixture.runs.waitForAccepted(2)
                try fixture.drop("two", at: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(3)
            }
            #expect(await fixture.runs.paths == ["inbox/a.txt", "inbox/b.txt", "inbox/a.txt"])
        }
    }

    @Test("patterns, temporary names and dotfiles decide what counts", arguments: Mode.allCases)
    func filtered(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            let keys = mode.keys(["include": ["*.txt", "*.part"], "exclude": ["draft-*"]])
            try await fixture.watching(keys) {
                for name in ["a.md", "draft-a.txt", ".a.txt", "a.txt.part", "a.txt~", "b.txt"] {
                    try fixture.drop(name, at: "inbox/" + name)
                }
                try await fixture.runs.waitForAccepted(1)
                try fixture.rename("inbox/a.txt.part", to: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(2)
            }
            #expect(await fixture.runs.paths == ["inbox/b.txt", "inbox/a.txt"])
        }
    }

    @Test("folders that appear later are watched too, however deep", arguments: Mode.allCases)
    func recursive(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["recursive": true])) {
                try fixture.makeFolder("inbox/a/b")
                try fixture.drop("1", at: "inbox/a/b/1.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.makeFolder("staging/c/d")
                try fixture.write("2", to: "staging/c/d/2.txt")
                try fixture.rename("staging/c", to: "inbox/c")
                try await fixture.runs.waitForAccepted(2)
                try fixture.drop("3", at: "inbox/c/d/3.txt")
                try await fixture.runs.waitForAccepted(3)
                // A folder with another name is another place.
                try fixture.rename("inbox/c", to: "inbox/e")
                try await fixture.runs.waitForAccepted(5)
                try fixture.drop("4", at: "inbox/e/d/4.txt")
                try await fixture.runs.waitForAccepted(6)
            }
            let paths = await fixture.runs.paths
            #expect(
                Set(paths) == [
                    "inbox/a/b/1.txt", "inbox/c/d/2.txt", "inbox/c/d/3.txt", "inbox/e/d/2.txt", "inbox/e/d/3.txt",
                    "inbox/e/d/4.txt",
                ])
            #expect(paths.count == 6)
        }
    }

    @Test("folders below do not count unless asked for", arguments: Mode.allCases)
    func flat(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys) {
                try fixture.makeFolder("inbox/a")
                try fixture.drop("1", at: "inbox/a/1.txt")
                try fixture.drop("2", at: "inbox/2.txt")
                try await fixture.runs.waitForAccepted(1)
            }
            #expect(await fixture.runs.paths == ["inbox/2.txt"])
        }
    }

    @Test("with `existing: ignore`, files of the first start count when they change", arguments: Mode.allCases)
    func existing(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try fixture.write("old", to: "inbox/old.txt")
            let keys = mode.keys(["existing": "ignore"])
            try await fixture.watching(keys) {
                try fixture.drop("new", at: "inbox/new.txt")
                try await fixture.runs.waitForAccepted(1)
            }
            try fixture.write("down", to: "inbox/down.txt")
            try await fixture.watching(keys) {
                try await fixture.runs.waitForAccepted(2)
                try fixture.drop("changed", at: "inbox/old.txt")
                try await fixture.runs.waitForAccepted(3)
            }
            #expect(await fixture.runs.paths == ["inbox/new.txt", "inbox/down.txt", "inbox/old.txt"])
        }
    }

    @Test("a folder that vanishes is reported, and watched again when it is back", arguments: Mode.allCases)
    func vanishing(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys) {
                try fixture.drop("1", at: "inbox/1.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.remove("inbox")
                try await fixture.runs.wait {
                    $0.health.last
                        == .problem(
                            "cannot watch \"inbox\": there is no such folder; create it, and its files are processed")
                }
                let count = await fixture.runs.health.count
                try fixture.makeFolder("inbox")
                try await fixture.runs.wait { $0.health.count > count }
                try fixture.drop("2", at: "inbox/2.txt")
                try await fixture.runs.waitForAccepted(2)
                // A folder that is renamed away takes its watch with it.
                try fixture.rename("inbox", to: "elsewhere")
                try await fixture.runs.wait { $0.health.count > count + 1 }
                try fixture.drop("3", at: "elsewhere/3.txt")
                try fixture.makeFolder("inbox")
                try fixture.drop("4", at: "inbox/4.txt")
                try await fixture.runs.waitForAccepted(3)
            }
            #expect(await fixture.runs.paths == ["inbox/1.txt", "inbox/2.txt", "inbox/4.txt"])
            let waiting: TriggerHealth =
                mode == .poll ? .waiting("for files in \"inbox\", looking every 10ms") : .watching
            let missing = TriggerHealth.problem(
                "cannot watch \"inbox\": there is no such folder; create it, and its files are processed")
            #expect(await fixture.runs.health == [waiting, missing, waiting, missing, waiting])
        }
    }

    @Test("names that are not UTF-8 are reported once and harm nothing", arguments: Mode.allCases)
    func strangeNames(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try fixture.drop("1", at: "inbox/1.txt")
            let strange = Array((fixture.absolute("inbox") + "/caf").utf8) + [0xE9, 0x2E, 0x74, 0x78, 0x74, 0]
            try fixture.createEmpty(strange)
            try await fixture.watching(mode.keys) {
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("é", at: "inbox/e\u{301}.txt")
                try fixture.drop("é", at: "inbox/\u{E9}.txt")
                try await fixture.runs.waitForAccepted(3)
            }
            // Two names that look the same are two files.
            #expect(Set(await fixture.runs.accepted.map(\.dedupeKey)).count == 3)
            #expect(
                await fixture.runs.health.filter { if case .problem = $0 { true } else { false } } == [
                    .problem("\"inbox/caf\\xE9.txt\" is ignored: its name is not UTF-8; rename it")
                ])
        }
    }

    @Test("symbolic links are reported and not followed, neither to files nor to folders", arguments: Mode.allCases)
    func links(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try fixture.makeFolder("outside")
            try fixture.write("secret", to: "outside/secret.txt")
            let problem = TriggerHealth.problem(
                "\"inbox/link.txt\" is ignored: it is a symbolic link, and links are not followed; "
                    + "put the file itself there")
            try await fixture.watching(mode.keys(["recursive": true])) {
                try fixture.link("inbox/link.txt", to: fixture.absolute("outside/secret.txt"))
                try fixture.link("inbox/folder", to: fixture.absolute("outside"))
                try await fixture.runs.waitForHealth(problem)
                try fixture.drop("2", at: "inbox/2.txt")
                try await fixture.runs.waitForAccepted(1)
                let count = await fixture.runs.health.count
                try fixture.remove("inbox/link.txt")
                try fixture.remove("inbox/folder")
                try await fixture.runs.wait { $0.health.count > count }
            }
            #expect(await fixture.runs.paths == ["inbox/2.txt"])
            guard case .waiting = await fixture.runs.health.last else {
                Issue.record("the problem is not over")
                return
            }
        }
    }

    @Test("a watched folder that is a symbolic link is refused", arguments: Mode.allCases)
    func linkedRoot(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try fixture.makeFolder("outside")
            try fixture.link("linked", to: fixture.absolute("outside"))
            try await fixture.watching(mode.keys(["path": "linked"])) {}
            #expect(
                await fixture.runs.health == [
                    .problem("cannot watch \"linked\": it is a symbolic link, and links are not followed")
                ])
        }
    }
}
