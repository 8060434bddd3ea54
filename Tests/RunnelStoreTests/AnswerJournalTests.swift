import RunnelEngine
import RunnelKit
import RunnelTesting
import TestSupport
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

    @Test("a group's start and a loop's failures are stored until the step ends", arguments: JournalKind.allCases)
    func counts(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            var (group, loop) = (step("group", .running), step("loop", .running))
            group.checkpoint = ["worked": 7]
            loop.error = ["failures": 2]
            try await journal.commit(RunCommit(lease: lease, steps: [group, loop]), .durable)
            let found = try await other.steps(of: "r1")
            #expect(found.first?.checkpoint == ["worked": 7])
            #expect(found.last?.error == ["failures": 2])
            #expect(found.last?.shownError == nil)
            let ended = [step("group"), step("loop", output: "done")]
            try await journal.commit(RunCommit(lease: lease, steps: ended), .durable)
            #expect(try await other.steps(of: "r1").first?.checkpoint == nil)
            #expect(try await other.steps(of: "r1").last?.error == nil)
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

    @Test("usage is summed by run", arguments: JournalKind.allCases)
    func usageOfRun(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            _ = try await journal.accept(newRun("r2", owner: workerRecord("w")), memory: nil)
            try await journal.commit(commit(lease, usage: [entry(100, 20), entry(nil, nil), entry(10, 2)]), .durable)
            let second = try await journal.lease("r2")
            try await journal.commit(commit(second, usage: [entry(7, 7), entry(8, 8, agent: nil)]), .durable)
            let first = try await other.usage(of: "r1")
            #expect(first.map(\.agent) == ["a"])
            var expected = UsageTotal()
            (expected.calls, expected.unknownCalls, expected.unknownCachedCalls) = (3, 1, 1)
            (expected.inputTokens, expected.outputTokens, expected.cachedTokens) = (110, 22, 55)
            (expected.estimatedInput, expected.estimatedOutput) = (7, 9)
            #expect(first.first?.total == expected)
            #expect(try await other.usage(of: "r2").map(\.agent) == [nil, "a"])
            #expect(try await other.usage(of: "r3").isEmpty)
        }
    }

    /// The sums of calls, one by one.
    private func sums(_ calls: [UsageEntry], _ query: UsageQuery) -> Set<UsageSum> {
        var sums: [UsageSum: UsageTotal] = [:]
        for call in calls where call.at >= query.since && query.pipeline.map({ $0 == call.pipeline }) ?? true {
            let period = query.period.map { Int((call.at - query.since) / $0) } ?? 0
            let used = call.usage
            let group = UsageSum(
                period: period, pipeline: call.pipeline, agent: used.agent, model: used.model, total: UsageTotal())
            var total = UsageTotal()
            total.calls = 1
            if let input = used.inputTokens, let output = used.outputTokens {
                (total.inputTokens, total.outputTokens) = (input, output)
                (total.cachedTokens, total.unknownCachedCalls) = used.cachedTokens.map { ($0, 0) } ?? (0, 1)
            } else {
                (total.unknownCalls, total.unknownCachedCalls) = (1, 1)
                total.estimatedInput = used.inputTokens ?? used.estimatedInput
                total.estimatedOutput = used.outputTokens ?? used.estimatedOutput
            }
            sums[group, default: UsageTotal()].add(total)
        }
        return Set(
            sums.map { group, total in
                var sum = group
                sum.total = total
                return sum
            })
    }

    @Test("sums are those of the calls, whenever their periods begin", arguments: JournalKind.allCases)
    func usageSums(kind: JournalKind) async throws {
        let (hour, start) = (HourCount.length, 500_000 * HourCount.length)
        var generator = SeededGenerator(seed: 7)
        func name(_ some: String) -> String? { [some, "", nil].randomElement(using: &generator) ?? nil }
        func tokens(_ some: Int) -> Int? { [some, 0, nil].randomElement(using: &generator) ?? nil }
        var calls: [UsageEntry] = []
        for number in 0..<600 {
            let usage = UsageRecord(
                agent: name("a"), model: name("m"), inputTokens: tokens(50), outputTokens: tokens(7),
                cachedTokens: tokens(2), estimatedInput: number % 9, estimatedOutput: number % 7)
            let time = start + Int64.random(in: 0..<(72 * hour), using: &generator)
            calls.append(
                UsageEntry(
                    pipeline: number % 3 == 0 ? "q" : "p", step: ExecutionKey("ask"), at: time, usage: usage))
        }
        let queries = [
            UsageQuery(since: 0), UsageQuery(since: start + 123), UsageQuery(since: start + hour, pipeline: "q"),
            UsageQuery(since: start, period: 24 * hour), UsageQuery(since: start + hour / 4, period: 24 * hour),
            UsageQuery(since: start + 5, pipeline: "p", period: 24 * hour),
            UsageQuery(since: start, period: hour / 4), UsageQuery(since: start, period: 7 * hour / 4 + 1),
        ]
        try await withRun(kind) { journal, other, lease in
            for first in stride(from: 0, to: calls.count, by: 60) {
                try await journal.commit(commit(lease, usage: Array(calls[first..<first + 60])), .durable)
            }
            for query in queries {
                let found = try await other.usage(query)
                #expect(Set(found) == sums(calls, query), "\(query)")
                #expect(Set(found).count == found.count)
            }
            let retention = Retention(usage: .nanoseconds(10 * hour))
            _ = try await journal.prune(retention, now: start + 40 * hour + 99)
            let kept = calls.filter { $0.at >= start + 30 * hour }
            for query in queries {
                #expect(Set(try await other.usage(query)) == sums(kept, query), "after retention: \(query)")
            }
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

    @Test("memories under keys of any characters are kept apart", arguments: JournalKind.allCases)
    func keys(kind: JournalKind) async throws {
        try await withRun(kind) { journal, other, lease in
            let keep = Duration.seconds(1)
            try await journal.commit(
                commit(
                    lease, [],
                    anyKeys.flatMap { key -> [StepMemoryChange] in
                        [
                            .set(key, .string("of \(key)"), keep: keep),
                            .append(key, .string(key), limit: 3, keep: keep),
                        ]
                    }), .durable)
            for key in anyKeys {
                let expected = StepMemory(value: .string("of \(key)"), entries: [.string(key)])
                #expect(try await other.memory(of: "chat", key: key, at: 0) == expected)
            }
            try await journal.commit(commit(lease, [], [.remove(anyKeys[1])]), .durable)
            #expect(try await other.memory(of: "chat", key: anyKeys[1], at: 0) == StepMemory())
            #expect(try await other.memory(of: "chat", key: anyKeys[2], at: 0).entries == [.string(anyKeys[2])])
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
            let hour = HourCount.length
            // Usage goes by whole hours.
            try await journal.commit(
                commit(
                    lease, usage: [entry(1, 1, at: hour - 1), entry(1, 1, at: hour)],
                    [.set("old", 1, keep: .seconds(10)), .set("new", 1, keep: .seconds(9000))]), .durable)
            let retention = Retention(usage: .nanoseconds(hour / 2))
            _ = try await journal.prune(retention, now: hour * 2)
            #expect(try await other.usage(UsageQuery(since: 0)).map(\.total.calls) == [1])
            #expect(try await other.memory(of: "chat", key: "old", at: 0) == StepMemory())
            #expect(try await other.memory(of: "chat", key: "new", at: 0).value == 1)
        }
    }
}
