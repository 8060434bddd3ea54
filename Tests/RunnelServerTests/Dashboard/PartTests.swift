import RunPlugin
import RunnelKit
import RunnelSupport
import SchedulePlugin
import Testing
import WatchPlugin
import WebhookPlugin

@testable import RunnelEngine
@testable import RunnelServer

@Suite("The parts of the dashboard") struct DashboardPartTests {
    // MARK: HTML

    @Test("HTML is escaped in texts and in attributes; control characters are replaced")
    func escaping() {
        var html = HTMLWriter()
        html.element("p", .class(#""><script>"#), .title("a\r\n'&")) { $0.text("<b>\u{0}\u{1B}[31m&amp;") }
        #expect(
            html.html
                == "<p class=\"&quot;&gt;&lt;script&gt;\" title=\"a&#13;\n&#39;&amp;\">&lt;b&gt;\u{FFFD}\u{FFFD}[31m&amp;amp;</p>"
        )
    }

    @Test("a line break at the beginning of a text is kept, where browsers drop the first one")
    func leadingLineBreak() {
        var html = HTMLWriter()
        html.element("pre", text: "\na\n")
        html.element("textarea", text: "\na")
        html.element("textarea", text: "a\n")
        html.element("p", text: "\na")
        #expect(
            html.html == "<pre>\n\na\n</pre><textarea>\n\na</textarea><textarea>a\n</textarea><p>\na</p>")
    }

    @Test("a link stays on this server, whatever its parts are")
    func links() {
        #expect(Link("runs", "../../x?y#z").text == "/runs/..%2F..%2Fx%3Fy%23z")
        #expect(Link("", "evil.example").text == "//evil.example" || Link("").text == "/")
        #expect(Link("runs").with("text", "a&b=c d").with("state", "").text == "/runs?text=a%26b%3Dc%20d")
        #expect(Link("runs").with("a", "1").with("a", "2").at("x y").text == "/runs?a=2#x%20y")
        #expect(Link("runs").with("a", each: ["2", "1", ""]).text == "/runs?a=2&a=1")
    }

    @Test("the address of a page is without what a form did")
    func notice() {
        for (address, plain) in [
            ("/runs?done=retried-1-0", "/runs"), ("/runs?state=failed&done=retried", "/runs?state=failed"),
            ("/?done=seen", "/"), ("/runs?", "/runs"), ("/audit", "/audit"),
        ] {
            #expect(PageContext.withoutNotice(address) == plain)
        }
    }

    // MARK: Words

    @Test("each phrase is in both languages, with the same values in it", arguments: Phrase.allCases)
    func phrases(_ phrase: Phrase) {
        func values(_ text: String) -> Set<Substring> { Set(text.matches(of: /\{\d\}/).map(\.output)) }
        let (english, japanese) = phrase.words
        #expect(!english.isEmpty && !japanese.isEmpty)
        let plural = english.split(separator: "|").last.map(String.init) ?? english
        #expect(values(plural) == values(japanese))
        #expect(!japanese.contains("|"))
    }

    @Test("a value is not taken for a place of another one")
    func values() {
        let words = Words(language: .english)
        #expect(words(.rowsOf, "{1}", "{2}", "x") == "{1}–{2} of x")
        #expect(words(.items, 1) == "1 item")
        #expect(words(.items, 1234) == "1,234 items")
        #expect(words(.needs, 1) == "One thing needs you.")
    }

    @Test(
        "numbers and times are short and have their unit",
        arguments: [
            (0, "0 ms"), (4_000_000, "4 ms"), (999_900_000, "1.0 s"), (2_440_000_000, "2.4 s"),
            (41_000_000_000, "41 s"),
            (60_000_000_000, "1 min"), (185_000_000_000, "3 min 5 s"), (7_440_000_000_000, "2 h 4 min"),
            (266_400_000_000_000, "3 d 2 h"),
        ])
    func durations(_ nanoseconds: Int64, _ text: String) {
        #expect(Words(language: .english).took(nanoseconds) == text)
    }

    @Test("numbers and dates are written as the language does it")
    func languagesOfNumbers() throws {
        let (english, japanese) = (Words(language: .english), Words(language: .japanese))
        #expect(english.short(9_999) == "9,999" && japanese.short(9_999) == "9,999")
        #expect(english.short(12_345) == "12.3 k" && japanese.short(12_345) == "1.23万")
        #expect(english.short(1_820_000) == "1.82 M" && japanese.short(1_820_000) == "182万")
        #expect(english.short(250_000_000) == "250 M" && japanese.short(250_000_000) == "2.50億")
        let (second, day): (Int64, Int64) = (1_000_000_000, 86_400_000_000_000)
        // Noon in UTC is the same day in nearly all zones.
        let now = try #require(Timestamp.parse("2026-11-24T12:00:00Z"))
        #expect(english.time(now, now: now + second) == String(LocalTime.text(now).dropFirst(11).prefix(8)))
        let clock = LocalTime.text(now - 4 * day).dropFirst(11).prefix(5)
        #expect(english.time(now - 4 * day, now: now) == "Nov 20, \(clock)")
        #expect(japanese.time(now - 4 * day, now: now) == "11月20日 \(clock)")
        #expect(english.time(now - 365 * day, now: now) == "Nov 24, 2025")
        #expect(japanese.time(now - 365 * day, now: now) == "2025年11月24日")
    }

    @Test("a time is said from now on, however far away it is")
    func relativeTimes() {
        let words = Words(language: .english)
        let (second, now): (Int64, Int64) = (1_000_000_000, ServerRig.now)
        #expect(words.relative(now, now: now) == "0 s ago")
        #expect(words.relative(now - 5 * 60 * second, now: now) == "5 min ago")
        #expect(words.relative(now + 3 * 3600 * second, now: now) == "in 3 h")
        #expect(words.relative(.min, now: now) == "127205 d ago")
        #expect(words.relative(.max, now: now) == "in 86297 d")
    }

    @Test(
        "a size has its unit after a space",
        arguments: [
            (0, "0 B"), (300, "300 B"), (1023, "1,023 B"), (65_536, "64 KiB"), (1500, "1.46 KiB"),
            (3 << 20, "3 MiB"), (1_600_000_000, "1.49 GiB"),
        ])
    func sizes(_ bytes: Int, _ text: String) {
        #expect(Words(language: .english).bytes(bytes) == text)
    }

    @Test("what stands between backticks in a text of ours is code; what else it holds stays text")
    func marked() {
        var html = HTMLWriter()
        html.marked("`on:` in <a> file, or `runnel new`")
        #expect(html.html == "<code>on:</code> in &lt;a&gt; file, or <code>runnel new</code>")
    }

    @Test("the language is the one the browser likes best of those there are")
    func languages() {
        #expect(Language.best(of: "ja") == .japanese)
        #expect(Language.best(of: "ja-JP,ja;q=0.9,en;q=0.8") == .japanese)
        #expect(Language.best(of: "en;q=0.2, ja;q=0.9") == .japanese)
        #expect(Language.best(of: "de, fr;q=0.5") == .english)
        #expect(Language.best(of: "ja;q=0") == .english)
        #expect(Language.best(of: "") == .english)
    }

    // MARK: Triggers

    private static func triggerText(_ language: Language) throws -> TriggerText {
        let registry = try StepRegistry([RunPlugin(), SchedulePlugin(), WatchPlugin(), WebhookPlugin()])
        return TriggerText(
            triggers: registry.triggerNames.compactMap { registry.trigger(named: $0) }, words: Words(language: language)
        )
    }

    @Test(
        "what started a run is told in both languages",
        arguments: [
            (["type": "manual", "path": "a.txt"], "by hand", "手動"),
            (["type": "watch", "path": "inbox/a.txt", "name": "a.txt"], "file a.txt", "ファイル a.txt"),
            (["type": "watch", "path": "inbox/a.txt"], "file inbox/a.txt", "ファイル inbox/a.txt"),
            (
                ["type": "schedule", "scheduled_for": "2020-01-02T10:00:00.000Z"], "schedule 2020-01-02",
                "スケジュール 2020-01-02"
            ),
            (["type": "schedule"], "schedule", "スケジュール"),
            (["type": "webhook", "method": "POST", "path": "/hooks/h"], "webhook", "Webhook"),
            (["type": "run", "pipeline": "import", "id": "1"], "end of import", "終了時: import"),
            (["type": "health", "kind": "disk"], "health disk", "ヘルス disk"),
            (["type": "gone", "name": "x"], "gone", "gone"),
        ] as [(Value, String, String)])
    func triggers(_ payload: Value, _ english: String, _ japanese: String) throws {
        #expect(try Self.triggerText(.english).short(payload) == english)
        #expect(try Self.triggerText(.japanese).short(payload) == japanese)
    }

    @Test("secrets are masked in what started a run")
    func maskedTrigger() throws {
        let seal = SecretSeal(secrets: ["key": "s3cr3t-value"])
        let text = try Self.triggerText(.english)
        #expect(text.short(seal.seal(["type": "watch", "name": "s3cr3t-value.txt"])) == "file ***.txt")
    }

    @Test("runs are filtered by all triggers there are")
    func triggerChoices() throws {
        let text = try Self.triggerText(.english)
        #expect(text.choices.map(\.value) == ["manual", "health", "run", "schedule", "watch", "webhook"])
        #expect(text.choices.map(\.title) == ["by hand", "health", "end of", "schedule", "file", "webhook"])
    }

    // MARK: Differences

    @Test("a difference has the lines that went and came, and those that stayed")
    func differences() {
        let lines = LineDiff.lines(from: "a\nb\nc\nd", to: "a\nx\nc\nd\ne")
        #expect(lines.map { "\($0.change)".prefix(1) + $0.text } == ["sa", "rb", "ax", "sc", "sd", "ae"])
        #expect(LineDiff.lines(from: "same", to: "same").map(\.change) == [.same])
        let windows = LineDiff.lines(from: "a\r\nb\r\n", to: "a\r\nc\r\n")
        #expect(windows.map { "\($0.change)".prefix(1) + $0.text } == ["sa", "rb", "ac", "s"])
        let long = (0..<3000).map { "\($0)" }.joined(separator: "\n")
        #expect(LineDiff.lines(from: long, to: "x\n" + long.dropFirst(2)).contains { $0.change == .added })
    }

    // MARK: Figures

    @Test("percentiles are those of succeeded runs; a rate of 100 % means all")
    func figures() {
        func run(_ state: RunState, took seconds: Int64) -> RunRecord {
            var run = RunRecord(
                id: "\(seconds)", pipeline: "p", definition: "", state: state, trigger: .null, createdAt: 0)
            (run.startedAt, run.endedAt) = (0, seconds * 1_000_000_000)
            return run
        }
        let recent = RecentRuns(runs: (1...199).map { run(.succeeded, took: $0) } + [run(.failed, took: 9999)])
        #expect(recent.successRate == 99)
        #expect(recent.duration(percentile: 50) == 100_000_000_000)
        #expect(recent.duration(percentile: 95) == 190_000_000_000)
        #expect(RecentRuns(runs: []).successRate == nil)
    }

    // MARK: Searching

    @Test("a text is found as if both were in lower case, in ASCII and elsewhere")
    func searchText() {
        let texts = [
            "", "http-failed The server said 503", "HTTP", "a\r\nB", "Straße", "STRASSE", "\u{212A}elvin", "kelvin",
            "チャット Failed", "e\u{301}", "É", "[x]", "{X}", "@", "`", "failed",
        ]
        let words =
            texts + ["http-", "tHe", "503", "r s", "\n", "\r\n", "b", "ß", "SS", "k", "failed x", "e", "X", "\u{7F}"]
        for text in texts {
            for word in words {
                let expected = text.lowercased().contains(word.lowercased())
                #expect(SearchText(word).isIn(text) == expected, "\(word.debugDescription) in \(text.debugDescription)")
            }
        }
    }

    @Test("the recent runs of many pipelines take one look at the workers")
    func recentRuns() async throws {
        let worker = WorkerRecord(id: WorkerID("dead"), processID: 1, host: "here", role: "run", startedAt: 0)
        var journal = HeldJournal()
        journal.gone = [worker.id]
        await journal.join(worker, replacing: [], at: 0)
        for (id, pipeline) in [("1", "a"), ("2", "b"), ("3", "a")] {
            var run = RunRecord(id: id, pipeline: pipeline, definition: "", trigger: .null, createdAt: 1)
            (run.owner, run.state, run.startedAt) = (worker.id, .running, 1)
            _ = try await journal.accept(run, steps: [], memory: nil)
        }
        let recent = try await RecentRuns.load(["a", "b", "none"], journal)
        #expect(recent.mapValues { $0.runs.map(\.id) } == ["a": ["3", "1"], "b": ["2"]])
        #expect(recent["a"]?.runs.allSatisfy(\.isInterrupted) == true)
        #expect(journal.reads.take().observations == 1)
    }

    @Test("a search ends at its limit, and goes on from there")
    func search() async throws {
        let journal = MemoryJournal()
        for number in 0..<1200 {
            let run = RunRecord(
                id: "\(10_000 + number)", pipeline: "p", definition: "",
                trigger: ["type": number == 3 ? "watch" : "manual"],
                createdAt: Int64(number))
            _ = await journal.accept(run, steps: [], memory: nil)
        }
        var search = RunSearch(journal: journal, now: 0)
        search.maximumExamined = 1000
        var query = try RunQuery(Query(text: "trigger=watch", known: nil))
        let first = try await search.page(query)
        #expect(first.runs.isEmpty)
        #expect(first.isCut)
        query.before = first.next
        let second = try await search.page(query)
        #expect(second.runs.map(\.id) == ["10003"])
        #expect(second.next == nil)
        let all = try await search.page(try RunQuery(Query(text: "", known: nil)))
        #expect(all.runs.count == 50)
        #expect(all.next == all.runs.last?.id)
    }

    @Test("the link to the next page keeps all selected states")
    func states() throws {
        let query = try RunQuery(Query(text: "state=failed&state=cancelled&hours=24", known: nil))
        #expect(query.older(than: "x").link.text == "/runs?state=cancelled&state=failed&hours=24&before=x")
    }
}
