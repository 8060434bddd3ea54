import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("Watch", .timeLimit(.minutes(5))) struct WatchTests {
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
            #expect(
                event.dedupeKey?.hasPrefix("watch:inbox/Report%201.PDF:5:cbd8a7b341bd9b025b1e906a48ae1d19:") == true)
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

    @Test("with `after: keep` a content that comes back after another one starts a run again", arguments: Mode.allCases)
    func alternating(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys) {
                for (count, text) in ["A", "B", "A", "B"].enumerated() {
                    try fixture.drop(text, at: "inbox/a.txt")
                    try await fixture.runs.waitForAccepted(count + 1)
                }
            }
            #expect(await fixture.runs.duplicates == 0)
        }
    }

    @Test("an empty file waits for its content: one run, also when it is written long after it was made")
    func empty() async throws {
        let log = LogRecorder()
        try await WatchFixture.with { fixture in
            var context = fixture.harness.context
            context.logger = log.logger()
            try await fixture.run(["path": "inbox", "mode": "inotify", "settle": "1ms"], in: context) {
                try fixture.write("", to: "inbox/a.txt")
                try await fixture.eventually { !log.lines.isEmpty }
                try fixture.write("content", to: "inbox/a.txt")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("sentinel", at: "inbox/b.txt")
                try await fixture.runs.waitForAccepted(2)
            }
            #expect(await fixture.runs.accepted.map { $0.payload["size"] } == [7, 8])
            #expect(
                log.lines == [
                    "warning \"inbox/a.txt\" is empty; its run starts when it has content (`empty: process` takes it as it is)"
                ])
        }
    }

    @Test("with `empty: process` an empty file starts a run", arguments: Mode.allCases)
    func emptyTaken(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["empty": "process"])) {
                try fixture.write("", to: "inbox/go")
                try await fixture.runs.waitForAccepted(1)
            }
            #expect(await fixture.runs.accepted.first?.payload["size"] == 0)
        }
    }

    @Test("names in both Unicode forms match a pattern in either", arguments: ["\u{DC}b*.pdf", "U\u{308}b*.pdf"])
    func unicodeForms(pattern: String) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(["include": [.string(pattern)], "mode": "inotify"]) {
                try fixture.drop("1", at: "inbox/\u{DC}bersicht 1.pdf")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("2", at: "inbox/U\u{308}bersicht 2.pdf")
                try await fixture.runs.waitForAccepted(2)
            }
        }
    }

    @Test("with `ignore_case` patterns disregard upper and lower case", arguments: Mode.allCases)
    func ignoringCase(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            let keys = mode.keys(["include": ["*.Pdf"], "exclude": ["draft*"], "ignore_case": true])
            try await fixture.watching(keys) {
                try fixture.drop("0", at: "inbox/DRAFT.pdf")
                try fixture.drop("1", at: "inbox/REPORT.PDF")
                try await fixture.runs.waitForAccepted(1)
                try fixture.drop("2", at: "inbox/b.pdf")
                try await fixture.runs.waitForAccepted(2)
            }
            #expect(await fixture.runs.paths == ["inbox/REPORT.PDF", "inbox/b.pdf"])
        }
    }

    @Test("a file that only case keeps from a pattern is reported, others are counted", arguments: Mode.allCases)
    func unmatched(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            try await fixture.watching(mode.keys(["include": ["*.pdf"]])) {
                let problem = TriggerHealth.problem(
                    "\"inbox/REPORT.PDF\" is ignored: it matches \"*.pdf\" only if upper and lower case are the same; "
                        + "set `ignore_case: true`, or rename it")
                try fixture.drop("1", at: "inbox/REPORT.PDF")
                try await fixture.runs.waitForHealth(problem)
                try fixture.drop("2", at: "inbox/notes.txt")
                try fixture.rename("inbox/REPORT.PDF", to: "inbox/report.pdf")
                try await fixture.runs.waitForAccepted(1)
                try await fixture.runs.wait { runs in
                    guard case .waiting(let text, let translations)? = runs.health.last else { return false }
                    return text.hasSuffix("; 1 other file matches no pattern")
                        && translations["ja"]?.hasSuffix("。ほかにパターンに一致しないファイルが 1 件あります") ?? false
                }
            }
        }
    }

    @Test("a folder whose name is decomposed on disk is found, also when it comes later", arguments: [true, false])
    func decomposedFolder(isThere: Bool) async throws {
        try await WatchFixture.with { fixture in
            let folder = "U\u{308}bersicht"
            if isThere { try fixture.makeFolder(folder) }
            let entry: ValueObject = ["path": "\u{DC}bersicht", "after": "move", "interval": "10ms", "settle": "1ms"]
            try await fixture.watching(entry) {
                if !isThere {
                    try await fixture.runs.waitForHealth(
                        .problem(
                            "cannot watch \"\u{DC}bersicht\": there is no such folder; create it, and its files are processed"
                        ))
                    try fixture.makeFolder(folder)
                }
                try fixture.drop("1", at: folder + "/a.txt")
                try await fixture.runs.waitForAccepted(1)
                await fixture.runs.finish("run-1", .succeeded(output: .null))
                try await fixture.eventually { fixture.ledger.isEmpty }
            }
            #expect(await fixture.runs.paths.map { Array($0.utf8) } == [Array((folder + "/a.txt").utf8)])
            #expect(fixture.text("done/a.txt") == "1")
        }
    }

    @Test("what a run of the same pipeline wrote starts no run, what another wrote continues its chain")
    func origins() async throws {
        let log = LogRecorder()
        try await WatchFixture.with { fixture in
            var context = fixture.harness.context
            context.logger = log.logger()
            try fixture.write("1", to: "staging/own.txt")
            try fixture.write("2", to: "staging/other.txt")
            let now = try #require(try fixture.status("staging/own.txt")).modified
            let own = RunOrigin(pipeline: "test", runID: "run-x")
            fixture.harness.wrote("inbox/own.txt", by: own, at: now)
            fixture.harness.wrote("inbox/other.txt", by: RunOrigin(pipeline: "b", runID: "run-y"), at: now)
            try await fixture.run(["path": "inbox", "mode": "inotify", "after": "move"], in: context) {
                try fixture.rename("staging/own.txt", to: "inbox/own.txt")
                try fixture.rename("staging/other.txt", to: "inbox/other.txt")
                try await fixture.runs.waitForAccepted(1)
                try await fixture.eventually { fixture.ledger["file/inbox/own.txt"] != nil }
                // Changed by somebody else.
                try fixture.write("3", to: "staging/own.txt")
                #expect(fixture.harness.context.origin(of: "inbox/own.txt", modified: now + 60_000_000_000) == nil)
            }
            #expect(await fixture.runs.paths == ["inbox/other.txt"])
            #expect(await fixture.runs.accepted.map(\.cause) == [.run("run-y")])
            #expect(log.lines == ["warning \"inbox/own.txt\" starts no run: run run-x of this pipeline wrote it"])
        }
    }

    @Test("that another server takes files of the folder is said once, and each file that had a run earlier")
    func duplicates() {
        let messages = DuplicateMessages()
        // 2026-11-28T02:19:51.028Z, which the id holds in milliseconds.
        let (run, now) = ("01a21ff3-a574-732b-9f05-d13d6be77c2d", Int64(0x01a2_1ff3_a574) * 1_000_000)
        #expect(
            messages.message("inbox/1", run: run, follows: true, now: now + 40_000_000)
                == "\"inbox/1\" starts no run: another server or `watch` has just started run \(run) for it; "
                + "those that watch one folder share its files, and this is logged once")
        #expect(messages.message("inbox/2", run: run, follows: true, now: now - 40_000_000) == nil)
        for _ in 0..<2 {
            #expect(
                messages.message("inbox/1", run: run, follows: true, now: now + 60_000_000_000)
                    == "\"inbox/1\" starts no run: run \(run) was started for it before; "
                    + "the file goes where that run's result says")
        }
        #expect(
            messages.message("inbox/1", run: "run-1", follows: false, now: now)
                == "\"inbox/1\" starts no run: run run-1 was started for it before")
        messages.started(run)
        #expect(
            messages.message("rec/1", run: run, follows: false, now: now)
                == "\"rec/1\" starts no run: run \(run) was started for it before")
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
                mode == .poll
                ? .waiting(
                    "for files in \"inbox\", looking every 10ms",
                    translations: ["ja": "「inbox」のファイルを待機中（10ms ごとに確認）"]) : .watching
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
                    .problem(
                        "cannot watch \"linked\": it is a symbolic link; links are not followed unless `files.links` in "
                            + "runnel.yaml names them")
                ])
        }
    }

    @Test(
        "a watched folder that is a link out of the project is watched where the project says so",
        arguments: Mode.allCases)
    func followedLink(mode: Mode) async throws {
        try await withTemporaryDirectory { outside in
            try await WatchFixture.with { fixture in
                var fixture = fixture
                fixture.harness.project = ProjectDirectory(path: fixture.path, followedLinks: ["linked"])
                try fixture.link("linked", to: outside)
                let watching = fixture
                let keys = mode.keys(["path": "linked", "after": "move", "move_to": "linked/done"])
                try await fixture.watching(keys) {
                    try watching.drop("1", at: "linked/a.txt")
                    try await watching.runs.waitForAccepted(1)
                    await watching.runs.finish("run-1", .succeeded(output: .null))
                    try await watching.eventually { watching.ledger.isEmpty }
                }
                #expect(fixture.text("linked/done/a.txt") == "1")
                #expect(
                    fixture.text("../" + (outside.split(separator: "/").last.map(String.init) ?? "") + "/done/a.txt")
                        == "1")
            }
        }
    }
}
