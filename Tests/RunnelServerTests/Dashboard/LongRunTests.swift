import RunnelKit
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("The page of a run with thousands of steps", .timeLimit(.minutes(5))) struct LongRunTests {
    private static let items = 3000
    private static let id = "01a21f19-a7d2-7c0d-9bf6-9895e56c6aa6"

    /// A run of another worker, whose `for_each` is at its last item.
    private static func begin(_ journal: HeldJournal) async throws -> Lease {
        let worker = WorkerRecord(
            id: WorkerID("other"), processID: 2, host: "there", role: "serve", startedAt: ServerRig.now)
        await journal.join(worker, replacing: [], at: ServerRig.now)
        var run = RunRecord(
            id: id, pipeline: "long", definition: "", trigger: ["type": "manual"], createdAt: ServerRig.now)
        (run.owner, run.state, run.startedAt) = (worker.id, .running, ServerRig.now)
        _ = try await journal.accept(run, steps: [], memory: nil)
        let lease = try #require(try await journal.run(id)?.lease)
        var loop = StepRecord(ExecutionKey("chats"), uses: "talk", state: .running, attempt: 1)
        loop.items = .list((0..<items).map { .int(Int64($0)) })
        var commit = RunCommit(
            lease: lease,
            steps: [StepRecord(ExecutionKey("list"), uses: "template", state: .succeeded, attempt: 1), loop])
        for number in 0..<items {
            let isLast = number == items - 1
            var step = StepRecord(
                ExecutionKey("chats", items: [number]), uses: "talk", state: isLast ? .running : .succeeded, attempt: 1)
            step.startedAt = ServerRig.now
            if !isLast { (step.endedAt, step.output) = (ServerRig.now + 1, "said \(number)") }
            commit.steps.append(step)
            commit.events.append(event(.stepStarted(place(number), attempt: 1)))
            commit.events.append(
                event(
                    isLast
                        ? .stepText(place(number), "the last words")
                        : .stepSucceeded(place(number), output: .null, took: .zero)))
        }
        try await journal.commit(commit, .durable)
        return lease
    }

    private static func place(_ number: Int) -> RunEvent.StepPlace {
        RunEvent.StepPlace(id: "chats[\(number)]", uses: "talk")
    }

    private static func event(_ kind: RunEvent.Kind) -> Value {
        RunEvent(runID: id, time: ServerRig.now, kind: kind).json
    }

    private static func count(_ part: String, in page: String) -> Int { page.ranges(of: part).count }

    @Test("shows the rows around the selected step, and others on request")
    func window() async throws {
        try await ServerRig.dashboard().serve { server in
            _ = try await Self.begin(server.journal)
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/runs/\(Self.id)")
            #expect(page.contains(#"data-first="2802" data-count="3002""#))
            #expect(Self.count("data-row=", in: page) == 200)
            #expect(page.contains(#"aria-current="true" data-step="chats[2999]""#))
            #expect(page.contains(#"data-row="3001" aria-posinset="3002" aria-setsize="3002""#))
            #expect(page.contains("the last words"))
            #expect(page.contains("2,803–3,002 of 3,002"))
            let selected = try await browser.page("/runs/\(Self.id)?step=chats%5B1500%5D")
            #expect(selected.contains(#"data-first="1402""#))
            #expect(selected.contains(#"aria-current="true" data-step="chats[1500]""#))
            #expect(selected.contains("said 1500"))
            #expect(!selected.contains("said 1501"))
            // The answer that streams is shown beside another step.
            #expect(Self.count("the last words", in: selected) == 1)
            let rows = try await browser.page("/runs/\(Self.id)?view=rows&row=0")
            #expect(rows.hasPrefix("<!doctype html>\n<section"))
            #expect(rows.contains(#"<ol start="1""#))
            #expect(rows.contains("2,999 of 3,000 items"))
            #expect(rows.contains(#"data-step="chats[197]""#))
            #expect(!rows.contains(#"data-step="chats[198]""#))
            let beyond = try await browser.page("/runs/\(Self.id)?row=99999")
            #expect(Self.count("data-row=", in: beyond) == 1)
        }
    }

    @Test("reads only what is new when it is rendered again")
    func again() async throws {
        try await ServerRig.dashboard().serve { server in
            let lease = try await Self.begin(server.journal)
            let browser = try await Browsing.signedIn(server)
            let reads = server.journal.reads
            _ = reads.take()
            _ = try await browser.page("/runs/\(Self.id)")
            #expect(reads.take().events == 2 * Self.items)
            _ = try await browser.page("/runs/\(Self.id)")
            let second = reads.take()
            #expect(second.events == 0)
            // The window, the loop and its last item, and the selected step whole.
            #expect(second.steps == 200 + 2 + 1)
            let text = Self.event(.stepText(Self.place(Self.items - 1), " of all"))
            try await server.journal.commit(RunCommit(lease: lease, events: [text]), .durable)
            let third = try await browser.page("/runs/\(Self.id)")
            #expect(third.contains("the last words of all"))
            #expect(reads.take().events == 1)
            let now = try await browser.page("/")
            #expect(now.contains("<q><bdi>the last words of all</bdi></q>"))
            let start = reads.take()
            #expect(start.steps == 3)
            #expect(start.events <= 500)
        }
    }

    @Test("shows the last notes of a step, and counts all of them")
    func notes() async throws {
        try await ServerRig.dashboard().serve { server in
            let lease = try await Self.begin(server.journal)
            let browser = try await Browsing.signedIn(server)
            func page(after numbers: Range<Int>) async throws -> String {
                let notes = numbers.map { Self.event(.stepNote(Self.place(Self.items - 1), "note \($0);")) }
                try await server.journal.commit(RunCommit(lease: lease, events: notes), .durable)
                return try await browser.page("/runs/\(Self.id)")
            }
            let all = try await page(after: 0..<200)
            #expect(all.contains("<summary>Notes (200)</summary><ul"))
            #expect(all.contains("<bdi>note 0;</bdi>"))
            let cut = try await page(after: 200..<1201)
            #expect(
                cut.contains(#"<summary>Notes (1,201)</summary><p class="soft inset">The beginning is left out.</p>"#))
            #expect(!cut.contains("<bdi>note 1000;</bdi>"))
            #expect(cut.contains("<bdi>note 1001;</bdi>") && cut.contains("<bdi>note 1200;</bdi>"))
        }
    }

    @Test("has clocks and bars that go on where a step does")
    func clocks() async throws {
        try await ServerRig.dashboard().serve { server in
            let lease = try await Self.begin(server.journal)
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/runs/\(Self.id)")
            #expect(Self.count("data-growing", in: page) == 1)
            #expect(Self.count(#"<span class="num mono" data-since="2026-01-01T00:00:00"#, in: page) == 1)
            #expect(page.contains(#"data-words="0 – {0}""#))
            #expect(page.contains(" data-span="))
            let end = RunCommit.End(state: .cancelled, time: ServerRig.now + 2)
            try await server.journal.commit(RunCommit(lease: lease, end: end), .durable)
            let ended = try await browser.page("/runs/\(Self.id)")
            for part in ["data-growing", "data-since", "data-span"] { #expect(!ended.contains(part), "\(part)") }
        }
    }
}
