import RunnelEngine
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@Suite("Every journal") struct JournalTests {
    @Test("a run comes back as it was accepted", arguments: JournalKind.allCases)
    func roundTrip(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            var run = newRun("r1", dedupeKey: "k")
            run.retryOf = "r0"
            #expect(try await journal.accept(run, memory: nil) == .accepted)
            #expect(try await other.run("r1") == run)
            #expect(try await other.queued(limit: 10).map(\.id) == ["r1"])
            #expect(try await other.queuedCount() == 1)
        }
    }

    @Test(
        "the oldest queued run is found whatever its priority, and one that had started does not count",
        arguments: JournalKind.allCases)
    func oldest(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            #expect(try await journal.oldestQueued() == nil)
            for (id, time, priority) in [("r1", 30, 0), ("r2", 20, -5), ("r3", 40, 9)] as [(String, Int64, Int)] {
                var run = newRun(id, createdAt: time)
                run.priority = priority
                _ = try await journal.accept(run, memory: nil)
            }
            #expect(try await other.oldestQueued() == 20)
            let worker = workerRecord("w")
            try await journal.join(worker)
            _ = try await journal.accept(newRun("r0", owner: worker, createdAt: 10), memory: nil)
            #expect(try await other.oldestQueued() == 20)
            // Its runs are queued again.
            try await journal.leave(worker.id)
            #expect(try await other.queuedCount() == 4)
            #expect(try await other.queuedCounts().values.reduce(0, +) == 4)
            #expect(try await other.oldestQueued() == 20)
        }
    }

    @Test(
        "the size of a journal on disk counts large values too",
        arguments: JournalKind.allCases.filter { $0 != .memory })
    func size(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let before = try #require(try await journal.size())
            #expect(before > 0)
            var run = newRun("r1")
            // Nothing that a database can compress.
            run.input = .string(
                String(decoding: (0..<1 << 20).map { _ in UInt8.random(in: 0x41...0x5A) }, as: UTF8.self))
            _ = try await journal.accept(run, memory: nil)
            let after = try #require(try await other.size())
            #expect(after >= before + 600 << 10)
        }
    }

    @Test("queued runs are summed by pipeline, with what they were started with", arguments: JournalKind.allCases)
    func queuedSizes(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            #expect(try await journal.queuedSizes() == [])
            for (id, pipeline, bytes) in [("r1", "big", 600_000), ("r2", "big", 1_000), ("r3", "small", 10)] {
                var run = newRun(id, pipeline: pipeline)
                run.input = .string(String(repeating: "x", count: bytes))
                _ = try await journal.accept(run, memory: nil)
            }
            var ended = newRun("r4", pipeline: "small")
            ended.input = .string(String(repeating: "x", count: 5_000))
            _ = try await journal.accept(ended, memory: nil)
            _ = try await journal.requestCancel("r4", at: 5)
            let sizes = try await other.queuedSizes().sorted { $0.pipeline < $1.pipeline }
            #expect(sizes.map(\.pipeline) == ["big", "small"])
            #expect(sizes.map(\.count) == [2, 1])
            #expect((601_000..<602_000).contains(sizes[0].bytes), "\(sizes)")
            #expect((10..<1_000).contains(sizes[1].bytes), "\(sizes)")
        }
    }

    @Test("who follows a run gets its state and its output, not what it began with", arguments: JournalKind.allCases)
    func progress(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let run = newRun("r1")
            _ = try await journal.accept(run, memory: nil)
            var expected = run
            (expected.trigger, expected.inputs, expected.input) = (.null, [:], .null)
            #expect(try await other.progress(of: "r1") == expected)
            _ = try await journal.requestCancel("r1", at: 5)
            #expect(try await other.progress(of: "r1")?.state == .cancelled)
            #expect(try await other.progress(of: "r2") == nil)
        }
    }

    @Test("a hundred deliveries of one event start one run", arguments: JournalKind.allCases)
    func dedupe(kind: JournalKind) async throws {
        try await kind.withTwo { (first, second) async throws -> Void in
            let answers = try await withThrowingTaskGroup(of: Acceptance.self) { group in
                for number in 0..<100 {
                    let journal = number.isMultiple(of: 2) ? first : second
                    group.addTask { try await journal.accept(newRun("r\(number)", dedupeKey: "same"), memory: nil) }
                }
                return try await group.reduce(into: [Acceptance]()) { $0.append($1) }
            }
            #expect(answers.count { $0 == .accepted } == 1)
            let runs = try await first.runs(RunFilter())
            #expect(runs.count == 1)
            #expect(Set(answers.filter { $0 != .accepted }) == [.duplicate(runID: runs[0].id)])
            #expect(try await first.accept(newRun("x", pipeline: "other", dedupeKey: "same"), memory: nil) == .accepted)
        }
    }

    @Test(
        "what a trigger remembers is there with its run, also when the run is a duplicate",
        arguments: JournalKind.allCases)
    func memory(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let trigger = TriggerID(pipeline: "p", key: "watch")
            _ = try await journal.accept(
                newRun("r1", dedupeKey: "k"),
                memory: MemoryChanges(trigger: trigger, values: ["file/a": 1, "file/b": [2]]))
            _ = try await journal.accept(
                newRun("r2", dedupeKey: "k"), memory: MemoryChanges(trigger: trigger, values: ["file/a": nil, "z": 3]))
            let memory = other.memory(of: trigger)
            #expect(try await memory.value(for: "file/a") == nil)
            let files = try await memory.values(prefix: "file/")
            #expect(files.map(\.key) == ["file/b"])
            #expect(files.map(\.value) == [[2]])
            try await memory.set(["z": nil])
            #expect(try await journal.memory(of: trigger).value(for: "z") == nil)
            #expect(try await journal.memory(of: TriggerID(pipeline: "p", key: "other")).values(prefix: "").isEmpty)
        }
    }

    @Test("what a trigger remembers comes a page at a time, in the order of UTF-8", arguments: JournalKind.allCases)
    func pages(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let trigger = TriggerID(pipeline: "p", key: "watch")
            let keys = ["file/A", "file/a", "file/a/b", "file/b", "file/\u{E9}", "file/\u{FF21}", "file/\u{1F600}"]
            var values: [String: Value?] = ["other": 9, "f": 9]
            for key in keys { values[key] = .some(1) }
            try await journal.memory(of: trigger).set(values)
            let memory = other.memory(of: trigger)
            var found: [String] = []
            while true {
                let page = try await memory.values(prefix: "file/", after: found.last, limit: 3)
                if page.isEmpty { break }
                #expect(page.count <= 3)
                found += page.map(\.key)
            }
            #expect(found == keys)
            // Also behind a key that is there no more.
            #expect(try await memory.values(prefix: "file/", after: "file/a0", limit: 1).map(\.key) == ["file/b"])
            #expect(try await memory.values(prefix: "file/", after: nil, limit: 0).isEmpty)
        }
    }

    @Test("keys of any characters are kept apart", arguments: JournalKind.allCases)
    func keys(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let trigger = TriggerID(pipeline: "p", key: "watch")
            let (memory, others) = (journal.memory(of: trigger), other.memory(of: trigger))
            let keys = anyKeys
            for (index, key) in keys.enumerated() { try await memory.set([key: .int(Int64(index))]) }
            for (index, key) in keys.enumerated() {
                #expect(try await others.value(for: key) == .int(Int64(index)))
                #expect(try await journal.accept(newRun("r\(index)", dedupeKey: key), memory: nil) == .accepted)
                #expect(try await other.run("r\(index)")?.dedupeKey == key)
            }
            #expect(Set(try await others.values(prefix: "a").map(\.key)) == Set(keys))
            #expect(
                Set(try await others.values(prefix: "a\u{0}").map(\.key))
                    == ["a\u{0}b", "a\u{0}c", "a\u{0}", "a\u{0}\u{301}"])
            var found: [String] = []
            for _ in keys { found += try await others.values(prefix: "", after: found.last, limit: 1).map(\.key) }
            #expect(Set(found) == Set(keys))
            try await memory.set([keys[1]: nil])
            #expect(Set(try await others.values(prefix: "").map(\.key)) == Set(keys).subtracting([keys[1]]))
            for (index, key) in keys.enumerated() {
                let again = newRun("again", dedupeKey: key)
                #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r\(index)"))
            }
            // Also once retention has removed the runs, and under another name.
            for index in keys.indices { _ = try await journal.requestCancel("r\(index)", at: 1) }
            _ = try await journal.prune(Retention(count: 0, dedupe: .seconds(60)), now: 2)
            #expect(try await other.run("r0") == nil)
            try await journal.rename(pipeline: "p", to: "q", keepingKeysUntil: 60_000_000_000)
            for (index, key) in keys.enumerated() {
                let again = newRun("again", pipeline: "q", dedupeKey: key)
                #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r\(index)"))
            }
            // A run that failed passes its key on, and no other.
            var retry = newRun("retry", dedupeKey: keys[1])
            retry.retriesFailed = true
            #expect(try await journal.accept(retry, memory: nil) == .accepted)
            #expect(try await other.run("retry")?.retryOf == "r1")
            for (key, id) in [(keys[1], "retry"), (keys[2], "r2")] {
                #expect(try await other.accept(newRun("x", dedupeKey: key), memory: nil) == .duplicate(runID: id))
            }
        }
    }

    @Test("where a run's source is, and how many runs led to it, comes back with it", arguments: JournalKind.allCases)
    func source(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            var run = newRun("r2")
            (run.retryOf, run.chain, run.source) = ("r1", 3, ["payload": [:], "state": ["place": "failed/a"]])
            _ = try await journal.accept(run, memory: nil)
            #expect(try await other.run("r2") == run)
            // The run has not ended.
            #expect(try await other.endedRetries(after: "", limit: 10).isEmpty)
            _ = try await journal.requestCancel("r2", at: 5)
            #expect(try await other.endedRetries(after: "", limit: 10) == ["r2"])
            #expect(try await other.endedRetries(after: "r1", limit: 10) == ["r2"])
            #expect(try await other.endedRetries(after: "r2", limit: 10).isEmpty)
            try await journal.relocate("r2", to: ["payload": ["path": "done/a"]], isDue: false)
            #expect(try await other.endedRetries(after: "", limit: 10).isEmpty)
            #expect(try await other.run("r2")?.source == ["payload": ["path": "done/a"]])
        }
    }

    @Test(
        "a run names the newest of its retries, by itself, in lists and to those who follow it",
        arguments: JournalKind.allCases)
    func retriedBy(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for (id, old) in [("r1", nil), ("r2", "r1"), ("r3", "r1"), ("r4", "r3")] as [(String, String?)] {
                var run = newRun(id)
                run.retryOf = old
                _ = try await journal.accept(run, memory: nil)
            }
            #expect(try await other.run("r1")?.retriedBy == "r3")
            #expect(try await other.progress(of: "r3")?.retriedBy == "r4")
            #expect(try await other.runs(idPrefix: "r2", limit: 1).map(\.retriedBy) == [nil])
            let listed = try await other.runs(RunFilter(limit: 10))
            #expect(listed.map(\.id) == ["r4", "r3", "r2", "r1"])
            #expect(listed.map(\.retriedBy) == [nil, "r4", nil, "r3"])
        }
    }

    @Test("a run that waited starts when it is claimed", arguments: JournalKind.allCases)
    func began(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            _ = try await journal.accept(newRun("r1", createdAt: 1), memory: nil)
            guard case .claimed(let run) = try await journal.claim("r1", by: worker.id, limits: RunLimits(), at: 7)
            else { Issue.record("not claimed"); return }
            #expect(run.startedAt == 7)
            #expect(run.createdAt == 1)
            // It goes on having started then.
            _ = try await journal.release([try await journal.lease("r1")], .stopped)
            _ = try await journal.claim("r1", by: worker.id, limits: RunLimits(), at: 9)
            #expect(try await other.run("r1")?.startedAt == 7)
        }
    }

    @Test("what is known of a pipeline's events goes to its new name", arguments: JournalKind.allCases)
    func renamed(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(newRun("r1", dedupeKey: "k"), memory: nil)
            try await journal.memory(of: TriggerID(pipeline: "p", key: "watch")).set(["seen": 1])
            try await journal.operators.setTrigger(TriggerID(pipeline: "p", key: "watch"), isEnabled: false)
            try await journal.rename(pipeline: "p", to: "q", keepingKeysUntil: 1000)
            #expect(try await other.operators.disabledTriggers() == [TriggerID(pipeline: "q", key: "watch")])
            #expect(try await other.memory(of: TriggerID(pipeline: "q", key: "watch")).value(for: "seen") == 1)
            #expect(try await other.memory(of: TriggerID(pipeline: "p", key: "watch")).value(for: "seen") == nil)
            let again = newRun("r2", pipeline: "q", dedupeKey: "k")
            #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r1"))
        }
    }

    @Test("an event of a failed run may start another one also under the new name", arguments: JournalKind.allCases)
    func renamedAfterFailure(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for (run, key) in [("r1", "before"), ("r2", "after")] {
                _ = try await journal.accept(newRun(run, dedupeKey: key), memory: nil)
            }
            _ = try await journal.requestCancel("r1", at: 1)
            try await journal.rename(pipeline: "p", to: "q", keepingKeysUntil: 1000)
            _ = try await journal.requestCancel("r2", at: 1)
            for (run, old, key) in [("r3", "r1", "before"), ("r4", "r2", "after")] {
                var again = newRun(run, pipeline: "q", dedupeKey: key)
                again.retriesFailed = true
                #expect(try await other.accept(again, memory: nil) == .accepted)
                #expect(try await journal.run(run)?.retryOf == old)
            }
        }
    }

    @Test(
        "an event may start a new run if its first run failed after a rename of the pipeline and was removed",
        arguments: JournalKind.allCases)
    func renamedBeforeRemoval(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(newRun("r1", dedupeKey: "k"), memory: nil)
            try await journal.rename(pipeline: "p", to: "q", keepingKeysUntil: 60_000_000_000)
            _ = try await journal.requestCancel("r1", at: 1)
            #expect(try await journal.prune(Retention(count: 0, dedupe: .seconds(60)), now: 2).runs == 1)
            var again = newRun("r2", pipeline: "q", dedupeKey: "k")
            #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r1"))
            again.retriesFailed = true
            #expect(try await other.accept(again, memory: nil) == .accepted)
            #expect(try await other.run("r2")?.retryOf == "r1")
        }
    }

    @Test("a trigger's memory moves to a name that has none", arguments: JournalKind.allCases)
    func moved(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let (old, new) = (TriggerID(pipeline: "p", key: "watch"), TriggerID(pipeline: "p", key: "watch in"))
            try await journal.memory(of: old).set(["seen": 1])
            try await journal.move(memoryOf: old, to: new)
            #expect(try await other.memory(of: new).value(for: "seen") == 1)
            try await journal.memory(of: old).set(["seen": 2])
            try await journal.move(memoryOf: old, to: new)
            #expect(try await other.memory(of: new).value(for: "seen") == 1)
        }
    }

    @Test("the steps that a run takes over are there as soon as the run is", arguments: JournalKind.allCases)
    func takenOver(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            let large = Value.string(String(repeating: "x", count: 300 << 10))
            let steps = [step("one", output: "paid for"), step("two", output: large), step("three", .failed)]
            var run = newRun("r2", dedupeKey: "k")
            run.retryOf = "r1"
            #expect(try await journal.accept(run, steps: steps, memory: nil) == .accepted)
            #expect(try await other.steps(of: "r2") == steps)
            #expect(try await other.run("r2")?.state == .queued)
            let owned = newRun("r3", owner: worker)
            guard case .claimed = try await journal.accept(owned, steps: steps, memory: nil) else {
                Issue.record("the run does not belong to its worker")
                return
            }
            #expect(try await other.steps(of: "r3") == steps)
            let again = newRun("r4", dedupeKey: "k")
            #expect(try await journal.accept(again, steps: steps, memory: nil) == .duplicate(runID: "r2"))
            #expect(try await other.run("r4") == nil)
            #expect(try await other.steps(of: "r4").isEmpty)
        }
    }

    @Test("of many that want a run, one gets it", arguments: JournalKind.allCases)
    func claim(kind: JournalKind) async throws {
        try await kind.withTwo { (first, second) async throws -> Void in
            for name in ["a", "b"] { try await (name == "a" ? first : second).join(workerRecord(name)) }
            for number in 0..<20 { _ = try await first.accept(newRun("r\(number)"), memory: nil) }
            for number in 0..<20 {
                async let mine = first.claim("r\(number)", by: WorkerID("a"), limits: RunLimits())
                async let theirs = second.claim("r\(number)", by: WorkerID("b"), limits: RunLimits())
                let claims = try await [mine, theirs]
                #expect(claims.count { if case .claimed = $0 { true } else { false } } == 1)
            }
            #expect(try await first.claim("none", by: WorkerID("a"), limits: RunLimits()) == .missing)
        }
    }

    @Test("limits hold for one pipeline and for all together", arguments: JournalKind.allCases)
    func limits(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            try await journal.join(workerRecord("a"))
            for id in ["p1", "p2", "q1"] {
                _ = try await journal.accept(newRun(id, pipeline: String(id.prefix(1))), memory: nil)
            }
            let one = RunLimits(pipeline: 1, total: 2)
            guard case .claimed = try await journal.claim("p1", by: WorkerID("a"), limits: one) else {
                Issue.record("the first was not claimed"); return
            }
            #expect(try await journal.claim("p2", by: WorkerID("a"), limits: one) == .busy)
            guard case .claimed = try await journal.claim("q1", by: WorkerID("a"), limits: one) else {
                Issue.record("the other pipeline's was not claimed"); return
            }
            #expect(try await journal.claim("p2", by: WorkerID("a"), limits: RunLimits(total: 2)) == .full)
            try await journal.commit(
                RunCommit(lease: journal.lease("p1"), end: RunCommit.End(state: .succeeded, time: 2)), .durable)
            guard case .claimed = try await journal.claim("p2", by: WorkerID("a"), limits: one) else {
                Issue.record("room was not used"); return
            }
        }
    }

    @Test(
        "steps come back in the order in which they began, with the last that was said of each",
        arguments: JournalKind.allCases)
    func steps(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            var waiting = step("two[1][0]", .waiting)
            (waiting.retryAt, waiting.error) = (99, ["code": "busy"])
            try await journal.commit(
                RunCommit(lease: journal.lease("r"), steps: [step("one", .running), waiting]), .soon)
            try await journal.commit(
                RunCommit(lease: journal.lease("r"), steps: [step("one", output: ["x": 1.0, "b": .bytes([0, 255])])]),
                .durable)
            #expect(
                try await other.steps(of: "r") == [step("one", output: ["x": 1.0, "b": .bytes([0, 255])]), waiting])
        }
    }

    @Test("commits that are written together leave what they leave one by one", arguments: JournalKind.allCases)
    func merged(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let single: any Journal = MemoryJournal()
            let a = workerRecord("a")
            try await journal.join(a)
            try await single.join(a)
            for seed in 0..<30 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                _ = try await journal.accept(newRun("r\(seed)", owner: a), memory: nil)
                _ = try await single.accept(newRun("r\(seed)", owner: a), memory: nil)
                let commits = RandomCommits(&generator).commits
                for (number, var commit) in commits.enumerated() {
                    commit.lease = try await single.lease("r\(seed)")
                    try await single.commit(commit, .durable)
                    commit.lease = try await journal.lease("r\(seed)")
                    let isSoon = number < commits.count - 1 && Bool.random(using: &generator)
                    try await journal.commit(commit, isSoon ? .soon : .durable)
                }
                #expect(try await other.steps(of: "r\(seed)") == single.steps(of: "r\(seed)"), "seed \(seed)")
                let events = try await other.events(of: "r\(seed)", from: 0, limit: 100).map(\.event)
                #expect(try await events == single.events(of: "r\(seed)", from: 0, limit: 100).map(\.event))
            }
        }
    }

    @Test("a commit that need not be durable is there before its run goes back", arguments: JournalKind.allCases)
    func soonBeforeRelease(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            let lease = try await journal.lease("r")
            try await journal.commit(RunCommit(lease: lease, steps: [step("one")], events: ["begun"]), .soon)
            #expect(try await journal.release([lease], .stopped) == ["r"])
            #expect(try await other.steps(of: "r") == [step("one")])
            #expect(try await other.events(of: "r", from: 0, limit: 9).map(\.event) == ["begun"])
        }
    }

    @Test("events are numbered in the order in which they came", arguments: JournalKind.allCases)
    func events(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            for number in 0..<5 {
                let events: [Value] = [.int(Int64(number * 2)), .int(Int64(number * 2 + 1))]
                try await journal.commit(
                    RunCommit(lease: journal.lease("r"), events: events), number == 4 ? .durable : .soon)
            }
            let all = try await other.events(of: "r", from: 0, limit: 100)
            #expect(all.map(\.number) == Array(0..<10))
            #expect(all.map(\.event) == (0..<10).map { .int($0) })
            let some = try await other.events(of: "r", from: 3, limit: 4)
            #expect(some.map(\.number) == [3, 4, 5, 6])
        }
    }

    @Test("whoever lost a run can write nothing about it", arguments: JournalKind.allCases)
    func fencing(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let (a, b) = (workerRecord("a"), workerRecord("b"))
            try await journal.join(a)
            try await other.join(b)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            let lease = try await journal.lease("r")
            #expect(try await journal.release([lease], .stopped) == ["r"])
            #expect(try await journal.release([lease], .stopped) == [])
            _ = try await other.claim("r", by: b.id, limits: RunLimits())
            let error = await #expect(throws: JournalError.self) {
                try await journal.commit(RunCommit(lease: lease, steps: [step("one")]), .durable)
            }
            #expect(error?.code == .leaseLost)
            #expect(error?.message == "the run r is now owned by another process")
            #expect(try await other.steps(of: "r").isEmpty)
            #expect(try await other.run("r")?.interruptions == 1)
        }
    }

    @Test("the runs of an agent that is silent for three beats go back, exactly once", arguments: JournalKind.allCases)
    func silence(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let (a, b) = (workerRecord("a"), workerRecord("b"))
            try await journal.join(a)
            try await other.join(b)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            let silent = try await other.observe().filter { $0.id == a.id }
            #expect(silent == [WorkerSight(a.id, beat: 0, .present)])
            // It comes back to life before it is taken over from.
            #expect(try await journal.beat(a.id)?.beat == 1)
            #expect(try await other.takeOver(from: silent, TakeoverPolicy(deaths: 3, now: 0)) == Takeover())
            let again = try await other.observe().filter { $0.id == a.id }
            async let first = other.takeOver(from: again, TakeoverPolicy(deaths: 3, now: 0))
            async let second = other.takeOver(from: again, TakeoverPolicy(deaths: 3, now: 0))
            let sentBack = try await first.queued + second.queued
            #expect(sentBack == ["r"])
            #expect(try await other.run("r")?.state == .queued)
            #expect(try await other.run("r")?.deaths == 0)
            #expect(try await other.workers().map(\.id.text) == ["b"])
            #expect(try await journal.beat(a.id) == nil)
        }
    }

    @Test("leaving sends the agent's runs back", arguments: JournalKind.allCases)
    func leaving(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            try await journal.leave(a.id)
            #expect(try await other.queued(limit: 5).map(\.id) == ["r"])
            #expect(try await other.workers().isEmpty)
        }
    }

    @Test(
        "a cancellation reaches the owner, and a run that nobody works on ends at once", arguments: JournalKind.allCases
    )
    func cancelling(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("mine", owner: a), memory: nil)
            _ = try await journal.accept(newRun("waiting"), memory: nil)
            let before = try await journal.version()
            #expect(try await other.requestCancel("mine", at: 7) == .requested)
            #expect(try await journal.version() != before)
            #expect(try await journal.cancelRequests(for: a.id) == [CancelRequest("mine")])
            #expect(try await other.requestCancel("waiting", at: 7) == .cancelled)
            #expect(try await other.run("waiting")?.endedAt == 7)
            #expect(try await other.requestCancel("waiting", at: 8) == .ended(.cancelled))
            #expect(try await other.requestCancel("none", at: 8) == .missing)
        }
    }

    @Test(
        "a second request of a person ends `finally` once that has begun, for every later claim",
        arguments: JournalKind.allCases)
    func cancellingFinally(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            var run = newRun("r", owner: a)
            run.hasFinally = true
            _ = try await journal.accept(run, memory: nil)
            // While the steps are still being cancelled, asking twice does not skip `finally`.
            for time in [7, 8] as [Int64] {
                #expect(try await other.requestCancel("r", mayEndFinally: true, at: time) == .requested)
            }
            #expect(try await journal.cancelRequests(for: a.id) == [CancelRequest("r")])
            var commit = try await RunCommit(lease: journal.lease("r"))
            commit.beginsFinally = true
            try await journal.commit(commit, .soon)
            try await journal.commit(
                RunCommit(lease: journal.lease("r"), steps: [step("s", .cancelled)]), .durable)
            #expect(try await other.run("r")?.finallyStage == .begun)
            // Not by a person, such as by another run with `overlap: cancel`.
            #expect(try await other.requestCancel("r", at: 9) == .requested)
            #expect(try await journal.cancelRequests(for: a.id) == [CancelRequest("r")])
            for time in [10, 11] as [Int64] {
                #expect(try await other.requestCancel("r", mayEndFinally: true, at: time) == .endingFinally)
                #expect(try await journal.cancelRequests(for: a.id) == [CancelRequest("r", endsFinally: true)])
            }
            try await journal.commit(commit, .durable)
            try await journal.leave(a.id)
            let b = workerRecord("b")
            try await other.join(b)
            guard case .claimed(let claimed) = try await other.claim("r", by: b.id, limits: RunLimits()) else {
                Issue.record("it was not claimed"); return
            }
            #expect(claimed.isCancelRequested)
            #expect(claimed.finallyStage == .cancelled)
            let end = RunCommit.End(state: .cancelled, time: 12)
            try await other.commit(RunCommit(lease: journal.lease("r"), end: end), .durable)
            #expect(try await journal.run("r")?.finallyStage == .cancelled)
            #expect(try await journal.requestCancel("r", mayEndFinally: true, at: 13) == .ended(.cancelled))
        }
    }

    @Test("a second request ends the `finally` of a run that waits in it", arguments: JournalKind.allCases)
    func cancellingWaitingFinally(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            var run = newRun("r", owner: a)
            run.hasFinally = true
            _ = try await journal.accept(run, memory: nil)
            var commit = try await RunCommit(lease: journal.lease("r"))
            (commit.beginsFinally, commit.wakeAt) = (true, 1_000)
            try await journal.commit(commit, .durable)
            #expect(try await other.run("r")?.state == .waiting)
            #expect(try await other.requestCancel("r", mayEndFinally: true, at: 7) == .requested)
            #expect(try await other.run("r")?.finallyStage == .begun)
            func goOn() async throws {
                guard case .claimed(let run) = try await journal.claim("r", by: a.id, limits: RunLimits()) else {
                    Issue.record("it was not claimed"); return
                }
                var commit = RunCommit(lease: try #require(run.lease))
                (commit.beginsFinally, commit.wakeAt) = (true, 1_000)
                try await journal.commit(commit, .durable)
            }
            // A `finally` that is not cancelled waits for its retry.
            try await goOn()
            #expect(try await other.run("r")?.state == .waiting)
            #expect(try await other.run("r")?.wakeAt == 1_000)
            #expect(try await other.requestCancel("r", mayEndFinally: true, at: 8) == .endingFinally)
            #expect(try await other.run("r")?.finallyStage == .cancelled)
            #expect(try await other.run("r")?.state == .queued)
            // A cancellation that comes while the run is about to rest is not slept over.
            try await goOn()
            #expect(try await other.run("r")?.state == .queued)
        }
    }

    @Test("lists are filtered and come in pages, the newest first", arguments: JournalKind.allCases)
    func lists(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            for number in 0..<6 {
                let pipeline = number.isMultiple(of: 2) ? "even" : "odd"
                _ = try await journal.accept(
                    newRun("r\(number)", pipeline: pipeline, createdAt: Int64(number)), memory: nil)
            }
            _ = try await journal.requestCancel("r4", at: 9)
            #expect(try await journal.runs(RunFilter()).map(\.id) == ["r5", "r4", "r3", "r2", "r1", "r0"])
            #expect(try await journal.runs(RunFilter(pipeline: "even")).map(\.id) == ["r4", "r2", "r0"])
            #expect(try await journal.runs(RunFilter(states: [.cancelled])).map(\.id) == ["r4"])
            #expect(try await journal.runs(RunFilter(since: 3, limit: 2)).map(\.id) == ["r5", "r4"])
            #expect(try await journal.runs(RunFilter(before: "r2")).map(\.id) == ["r1", "r0"])
            #expect(try await journal.runs(idPrefix: "r", limit: 2).map(\.id) == ["r0", "r1"])
        }
    }

    @Test("what is old or too much goes, and what has not ended stays", arguments: JournalKind.allCases)
    func pruning(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            for number in 0..<8 {
                _ = try await journal.accept(newRun("r\(number)", owner: a), memory: nil)
                if number == 0 { continue }
                let end = RunCommit.End(state: .succeeded, time: Int64(number) * 1_000_000_000)
                try await journal.commit(
                    RunCommit(lease: journal.lease("r\(number)"), steps: [step("s")], end: end), .durable)
            }
            let aged = try await journal.prune(Retention(age: .seconds(5)), now: 8_000_000_000)
            #expect(aged.runs == 2)
            let counted = try await journal.prune(Retention(count: 3), now: 8_000_000_000)
            #expect(counted.runs == 2)
            #expect(try await journal.runs(RunFilter()).map(\.id) == ["r7", "r6", "r5", "r0"])
            #expect(try await journal.steps(of: "r1").isEmpty)
            #expect(try await journal.check() == [])
        }
    }

    @Test("a definition is kept as it was first, with the path that its file had last", arguments: JournalKind.allCases)
    func definitions(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let definition = DefinitionRecord(hash: "h", pipeline: "p", file: "p.yaml", text: "steps: []")
            try await journal.keep(definition)
            _ = try await journal.accept(newRun("r"), memory: nil)
            #expect(try await other.definition("h") == definition)
            #expect(try await other.definition("none") == nil)
            try await other.keep(DefinitionRecord(hash: "h", pipeline: "p", file: "moved.yaml", text: "steps: []"))
            #expect(try await journal.definition("h")?.file == "moved.yaml")
        }
    }
}
