import RunnelEngine
import RunnelKit
import Testing

@Suite("The steps of a run in windows") struct StepWindowTests {
    /// A run whose `for_each` has so many items; the last of them goes on.
    private static func begin(_ count: Int, _ journal: any Journal) async throws {
        let worker = workerRecord("a")
        try await journal.join(worker)
        _ = try await journal.accept(newRun("r", owner: worker), memory: nil)
        var loop = step("chats", .running)
        loop.items = .list((0..<count).map { .int(Int64($0)) })
        var steps = [step("list", output: "large"), loop]
        for number in 0..<count {
            steps.append(step("chats[\(number)]", number == count - 1 ? .running : .succeeded, output: "said"))
        }
        // Neither is an item of `chats`.
        steps += [step("chats[0][1]"), step("chatsy[0]")]
        try await journal.commit(
            RunCommit(lease: journal.lease("r"), steps: steps, events: [["number": 0], ["number": 1]]), .durable)
        try await journal.commit(RunCommit(lease: journal.lease("r"), events: [["number": 2]]), .durable)
    }

    @Test(
        "hold the rows that are asked for, without values, and what there is to know of all",
        arguments: JournalKind.allCases)
    func window(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await Self.begin(50, journal)
            let top = try await other.steps(of: "r", StepSearch(first: 0, limit: 3))
            #expect(top.count == 54)
            #expect(top.first == 0)
            #expect(top.rows.map(\.key.description) == ["list", "chats", "chats[0]"])
            #expect(top.rows.allSatisfy { $0.output == nil })
            #expect(top.rows.map { $0.items != nil } == [false, true, false])
            #expect(top.rows.map(\.startedAt) == [5, 5, 5])
            #expect(top.done.map { "\($0.key) \($0.value)" } == ["chats 49"])
            #expect(top.open.map(\.key.description) == ["chats", "chats[49]"])
            #expect(top.selected?.description == "chats[49]")
            #expect(top.startedAt == 5)
            #expect(top.changedAt == 5)
            let end = try await other.steps(of: "r", StepSearch(first: .max, limit: 3))
            #expect(end.first == 53)
            #expect(end.rows.map(\.key.description) == ["chatsy[0]"])
            let nothing = try await other.steps(of: "none", StepSearch(limit: 3))
            #expect(nothing == StepWindow())
        }
    }

    @Test("hold the selected step in their middle", arguments: JournalKind.allCases)
    func selected(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await Self.begin(50, journal)
            let middle = try await other.steps(of: "r", StepSearch(selected: "chats[20]", limit: 10))
            #expect(middle.first == 17)
            #expect(middle.selected?.description == "chats[20]")
            #expect(middle.rows.map(\.key.items) == (15..<25).map { [$0] })
            let last = try await other.steps(of: "r", StepSearch(selected: "chatsy[0]", limit: 10))
            #expect(last.first == 44)
            let unknown = try await other.steps(of: "r", StepSearch(selected: "chat", limit: 10))
            #expect(unknown.selected == nil)
            #expect(unknown.first == 0)
        }
    }

    @Test(
        "select the step that failed the run, else the last that goes on, else the last that failed, else the last",
        arguments: JournalKind.allCases)
    func choice(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            let choices: [([StepRecord.State], failed: String?, String)] = [
                ([.failed, .running, .succeeded], nil, "s1"), ([.succeeded, .waiting, .failed], nil, "s1"),
                ([.succeeded, .failed, .succeeded], nil, "s1"), ([.succeeded, .skipped, .succeeded], nil, "s2"),
                ([.failed, .failed, .succeeded], "s0", "s0"), ([.failed, .failed, .succeeded], "group", "s1"),
                ([.failed, .failed, .succeeded], "gone", "s1"),
            ]
            for (number, (states, failed, wanted)) in choices.enumerated() {
                _ = try await journal.accept(newRun("r\(number)", owner: worker), memory: nil)
                var group = step("group", .running)
                group.uses = ""
                let steps = states.enumerated().map { step("s\($0.offset)", $0.element) } + [group]
                try await journal.commit(RunCommit(lease: journal.lease("r\(number)"), steps: steps), .durable)
                let window = try await other.steps(of: "r\(number)", StepSearch(failed: failed, limit: 10))
                #expect(window.selected?.description == wanted, "\(number)")
            }
        }
    }

    @Test("one step is read whole, and the last events without the others", arguments: JournalKind.allCases)
    func whole(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await Self.begin(3, journal)
            let loop = try await other.step(of: "r", key: "chats")
            #expect(loop?.items?.asList?.count == 3)
            let item = try await other.step(of: "r", key: "chats[1]")
            #expect(item?.output == "said")
            let none = try await other.step(of: "r", key: "chat")
            #expect(none == nil)
            let last = try await other.lastEvents(of: "r", limit: 2)
            #expect(last.map(\.number) == [1, 2])
            #expect(last.map { $0.event["number"] } == [1, 2])
        }
    }

    @Test(
        "the fingerprint changes with what people look at, and not with heartbeats, probes and what triggers remember",
        arguments: JournalKind.allCases)
    func fingerprint(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            _ = try await journal.accept(newRun("r", owner: worker), memory: nil)
            var last = try await other.fingerprint()
            for _ in 0..<3 {
                _ = try await journal.beat(worker.id)
                try await journal.probe()
                try await journal.memory(of: TriggerID(pipeline: "p", key: "watch")).set(["file/a": 1])
            }
            let quiet = try await other.fingerprint()
            #expect(quiet == last)
            let lease = try await journal.lease("r")
            let changes: [(String, () async throws -> Void)] = [
                ("a run", { _ = try await journal.accept(newRun("s"), memory: nil) }),
                ("events", { try await journal.commit(RunCommit(lease: lease, events: [["a": 1]]), .durable) }),
                ("a request to cancel", { _ = try await journal.requestCancel("r", at: 5) }),
                (
                    "an end",
                    {
                        try await journal.commit(
                            RunCommit(lease: lease, end: RunCommit.End(state: .succeeded, time: 9)), .durable)
                    }
                ),
                ("a claim", { _ = try await journal.claim("s", by: worker.id, limits: RunLimits()) }),
                ("a worker", { try await journal.join(workerRecord("b")) }),
            ]
            for (name, change) in changes {
                try await change()
                let now = try await other.fingerprint()
                #expect(now != last, "\(name)")
                last = now
            }
        }
    }
}
