import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@Suite("What steps keep beside their outputs, in every journal") struct AnswerJournalTests {
    /// A journal with a run that is worked on, and a second view of the journal.
    private func withRun(
        _ kind: JournalKind, _ body: (any Journal, any Journal, Lease) async throws -> Void
    ) async throws {
        try await kind.withTwo { journal, other in
            let worker = workerRecord("w")
            try await journal.join(worker)
            _ = try await journal.accept(newRun("r1", owner: worker), memory: nil)
            try await body(journal, other, try await journal.lease("r1"))
        }
    }

    private func commit(
        _ lease: Lease, _ steps: [StepRecord] = [], usage: [UsageEntry] = [], _ changes: [StepMemoryChange] = [],
        at time: Int64 = 0
    ) -> RunCommit {
        var commit = RunCommit(lease: lease, steps: steps)
        commit.usage = usage
        commit.memories = changes.map { StepMemoryEdit(uses: "chat", change: $0, at: time) }
        return commit
    }

    private func entry(
        _ input: Int?, _ output: Int?, at: Int64 = 10, pipeline: String = "p", agent: String? = "a",
        tellsCached: Bool = true
    ) -> UsageEntry {
        UsageEntry(
            pipeline: pipeline, step: ExecutionKey("ask"), at: at,
            usage: UsageRecord(
                agent: agent, model: "m", inputTokens: input, outputTokens: output,
                cachedTokens: tellsCached ? input.map { $0 / 2 } : nil, estimatedInput: 7, estimatedOutput: 9))
    }

    @Test(
        "the rendered `with:` and the facts stay with a step; its checkpoint goes when it ends",
        arguments: JournalKind.allCases)
    func details(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            try await journal.commit(RunCommit(lease: lease, steps: [step("ask", .running)]), .soon)
            var running = RunCommit(lease: lease)
            running.updates = [
                StepUpdate(
                    ExecutionKey("ask"), with: ["prompt": "Hi"], attributes: ["model": "m"], checkpoint: ["id": 1]),
                StepUpdate(ExecutionKey("unknown"), with: ["prompt": "lost"]),
            ]
            try await journal.commit(running, .durable)
            var found = try #require(try await other.steps(of: "r1").first)
            #expect(found.with == ["prompt": "Hi"])
            #expect(found.attributes == ["model": "m"])
            #expect(found.checkpoint == ["id": 1])
            // The same attempt begins anew in a later life.
            try await journal.commit(RunCommit(lease: lease, steps: [step("ask", .running)]), .durable)
            #expect(try await other.steps(of: "r1").first?.checkpoint == ["id": 1])
            var ended = step("ask", output: "done")
            ended.attributes = ["model": "n"]
            try await journal.commit(RunCommit(lease: lease, steps: [ended]), .durable)
            found = try #require(try await other.steps(of: "r1").first)
            #expect(found.with == ["prompt": "Hi"])
            #expect(found.attributes == ["model": "n"])
            #expect(found.checkpoint == nil)
            // What comes late from an attempt that was given up changes nothing.
            running.updates = [StepUpdate(ExecutionKey("ask"), checkpoint: ["id": 2])]
            try await journal.commit(running, .durable)
            #expect(try await other.steps(of: "r1").first?.checkpoint == nil)
            #expect(try await other.steps(of: "r1").count == 1)
        }
    }

    @Test(
        "usage is summed by period, pipeline, agent and model; what is unknown stands apart",
        arguments: JournalKind.allCases)
    func usage(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            try await journal.commit(
                commit(
                    lease, [step("ask")],
                    usage: [
                        entry(100, 20), entry(10, 2), entry(nil, nil), entry(5, nil), entry(1, 1, at: 25),
                        entry(3, 4, pipeline: "q"), entry(1000, 1000, at: 1), entry(8, 8, agent: nil),
                        entry(30, 3, tellsCached: false),
                    ]), .durable)
            let sums = try await other.usage(UsageQuery(since: 5, pipeline: "p", period: 10))
            #expect(sums.map(\.period) == [0, 0, 2])
            #expect(sums.map(\.agent) == [nil, "a", "a"])
            #expect(sums.allSatisfy { $0.pipeline == "p" && $0.model == "m" })
            var expected = UsageTotal()
            (expected.calls, expected.unknownCalls, expected.unknownCachedCalls) = (5, 2, 3)
            (expected.inputTokens, expected.outputTokens, expected.cachedTokens) = (140, 25, 55)
            // A number that is known counts also where the other is not.
            (expected.estimatedInput, expected.estimatedOutput) = (7 + 5, 9 + 9)
            #expect(sums[1].total == expected)
            #expect(sums[1].total.countedTokens == 195)
            #expect(sums[0].total.unknownCachedCalls == 0)
            #expect(try await other.usage(UsageQuery(since: 0)).map(\.total.calls).reduce(0, +) == 9)
            #expect(try await other.usage(UsageQuery(since: 26)).isEmpty)
        }
    }

    @Test("what a worker without the run commits counts nothing", arguments: JournalKind.allCases)
    func fenced(kind: JournalKind) async throws {
        try await withRun(kind) { (journal, other, lease) async throws -> Void in
            let stale = Lease(runID: lease.runID, worker: lease.worker, epoch: lease.epoch - 1)
            await #expect(throws: JournalError.self) {
                try await journal.commit(
                    commit(stale, usage: [entry(1, 1)], [.set("k", "v", keep: .seconds(1))]), .durable)
            }
            #expect(try await other.usage(UsageQuery(since: 0)).isEmpty)
            #expect(try await other.memory(of: "chat", key: "k", at: 0) == StepMemory())
        }
    }

    @Test(
        "a memory outlives the run, keeps the newest entries, and expires after the last change",
        arguments: JournalKind.allCases)
    func memory(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            let keep = Duration.nanoseconds(100)
            try await journal.commit(
                commit(
                    lease, [],
                    [.set("k", "id-1", keep: keep)] + (1...5).map { .append("k", .int($0), limit: 3, keep: keep) }),
                .durable)
            #expect(
                try await other.memory(of: "chat", key: "k", at: 100) == StepMemory(value: "id-1", entries: [3, 4, 5]))
            #expect(try await other.memory(of: "chat", key: "k", at: 101) == StepMemory())
            #expect(try await other.memory(of: "other", key: "k", at: 0) == StepMemory())
            try await journal.commit(commit(lease, [], [.append("k", 6, limit: 3, keep: keep)], at: 90), .durable)
            #expect(
                try await other.memory(of: "chat", key: "k", at: 190) == StepMemory(value: "id-1", entries: [4, 5, 6]))
            // What has expired does not come back with the next change.
            try await journal.commit(commit(lease, [], [.append("k", 7, limit: 3, keep: keep)], at: 191), .durable)
            #expect(try await other.memory(of: "chat", key: "k", at: 191) == StepMemory(entries: [7]))
            try await journal.commit(commit(lease, [], [.remove("k")], at: 191), .durable)
            #expect(try await other.memory(of: "chat", key: "k", at: 191) == StepMemory())
        }
    }

    @Test("the entries of a key are bounded in bytes", arguments: JournalKind.allCases)
    func bounded(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            let text = Value.string(String(repeating: "x", count: 1 << 20))
            for _ in 0..<6 {
                try await journal.commit(
                    commit(lease, [], [.append("k", text, limit: 50, keep: .seconds(1))]), .durable)
            }
            #expect(try await other.memory(of: "chat", key: "k", at: 0).entries.count == 3)
        }
    }

    @Test("retention removes old usage and expired memories, and nothing else", arguments: JournalKind.allCases)
    func retention(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            try await journal.commit(
                commit(
                    lease, usage: [entry(1, 1, at: 10), entry(1, 1, at: 2_000_000_000)],
                    [.set("old", 1, keep: .nanoseconds(10)), .set("new", 1, keep: .seconds(60))]), .durable)
            let retention = Retention(usage: .seconds(1))
            _ = try await journal.prune(retention, now: 2_500_000_000)
            #expect(try await other.usage(UsageQuery(since: 0)).map(\.total.calls) == [1])
            #expect(try await other.memory(of: "chat", key: "old", at: 0) == StepMemory())
            #expect(try await other.memory(of: "chat", key: "new", at: 0).value == 1)
        }
    }
}
