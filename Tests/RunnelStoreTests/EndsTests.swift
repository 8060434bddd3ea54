import GRDB
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

@Suite("The sequence of ends") struct EndsTests {
    private static func end(
        _ id: String, _ state: RunState, pipeline: String = "p", by worker: WorkerRecord, in journal: any Journal,
        at time: Int64 = 9
    ) async throws {
        _ = try await journal.accept(newRun(id, pipeline: pipeline, owner: worker), memory: nil)
        let end = RunCommit.End(state: state, time: time)
        try await journal.commit(RunCommit(lease: try await journal.lease(id), end: end), .durable)
    }

    @Test("each end gets the next number, whichever process writes it", arguments: JournalKind.allCases)
    func numbers(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let (a, b) = (workerRecord("a"), workerRecord("b"))
            try await journal.join(a)
            try await other.join(b)
            #expect(try await journal.lastEnd() == 0)
            try await Self.end("r1", .failed, by: a, in: journal)
            try await Self.end("r2", .succeeded, pipeline: "q", by: b, in: other)
            _ = try await journal.accept(newRun("r3"), memory: nil)
            #expect(try await other.requestCancel("r3", at: 12) == .cancelled)
            _ = try await journal.accept(newRun("r4", owner: a), memory: nil)
            let ends = try await other.ends(after: 0, limit: 10)
            #expect(
                ends == [
                    EndRecord(number: 1, runID: "r1", pipeline: "p", state: .failed, endedAt: 9),
                    EndRecord(number: 2, runID: "r2", pipeline: "q", state: .succeeded, endedAt: 9),
                    EndRecord(number: 3, runID: "r3", pipeline: "p", state: .cancelled, endedAt: 12),
                ])
            #expect(try await journal.ends(after: 1, limit: 1).map(\.runID) == ["r2"])
            #expect(try await journal.lastEnd() == 3)
        }
    }

    @Test("a run that failed because its workers died is in the sequence too", arguments: JournalKind.allCases)
    func deaths(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            _ = try await journal.accept(newRun("r"), memory: nil)
            for number in 0..<5 {
                let worker = workerRecord("w\(number)")
                try await journal.join(worker)
                _ = try await journal.claim("r", by: worker.id, limits: RunLimits())
                _ = try await journal.takeOver(.died, worker.id.text)
            }
            #expect(try await journal.run("r")?.state == .failed)
            #expect(try await journal.ends(after: 0, limit: 10).map(\.runID) == ["r"])
        }
    }

    @Test("the first success after failures is a recovery, of its own pipeline alone", arguments: JournalKind.allCases)
    func recovery(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            let states: [(String, RunState)] = [
                ("p", .succeeded), ("p", .failed), ("q", .succeeded), ("p", .failed), ("p", .cancelled),
                ("p", .succeeded), ("p", .succeeded),
            ]
            for (index, (pipeline, state)) in states.enumerated() {
                try await Self.end("r\(index)", state, pipeline: pipeline, by: worker, in: journal)
            }
            #expect(try await journal.ends(after: 0, limit: 10).filter(\.isRecovery).map(\.runID) == ["r5"])
        }
    }

    @Test("retention removes old ends and keeps the latest, so that numbers go on", arguments: JournalKind.allCases)
    func retention(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            for number in 1...3 { try await Self.end("r\(number)", .succeeded, by: worker, in: journal, at: 9) }
            let retention = Retention(dedupe: .seconds(60))
            _ = try await journal.prune(retention, now: 50_000_000_000)
            #expect(try await journal.ends(after: 0, limit: 10).map(\.number) == [1, 2, 3])
            _ = try await journal.prune(retention, now: 70_000_000_000)
            #expect(try await journal.ends(after: 0, limit: 10).map(\.number) == [3])
            try await Self.end("r4", .failed, by: worker, in: journal)
            #expect(try await journal.lastEnd() == 4)
        }
    }
}

@Suite("Folding a burst of events into one run") struct DebounceJournalTests {
    private static func event(
        _ id: String, key: String = "k", dedupeKey: String? = nil, at time: Int64, number: Int
    ) -> RunRecord {
        var run = newRun(id, dedupeKey: dedupeKey, createdAt: time)
        run.trigger = ["type": "run", "n": .int(Int64(number))]
        run.input = .int(Int64(number))
        (run.state, run.wakeAt) = (.waiting, time + 10)
        run.debounce = Debounce(key: key, latest: time + 25, event: .int(Int64(number)))
        return run
    }

    @Test("a debounced run is not kept waiting by a clock that was set back", arguments: JournalKind.allCases)
    func setBack(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let second = WorkerRig.second
            // The clocks of two machines may differ.
            _ = try await journal.accept(Self.event("near", key: "n", at: 50 * second, number: 1), memory: nil)
            _ = try await journal.accept(Self.event("far", key: "f", at: 3600 * second, number: 2), memory: nil)
            #expect(
                try await other.wake(at: 5 * second) == Waking(woken: ["far"], next: 50 * second + 10))
            #expect(try await other.run("far")?.wakeAt == 5 * second)
            #expect(try await other.queued(QueueSearch(limit: 9, now: 5 * second)).map(\.id) == ["far"])
            #expect(try await other.wake(at: 5 * second) == Waking(next: 50 * second + 10))
        }
    }

    @Test(
        "later events move the waiting run, up to its limit, and the last one is its trigger",
        arguments: JournalKind.allCases)
    func folding(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            #expect(try await journal.accept(Self.event("r1", at: 0, number: 1), memory: nil) == .accepted)
            #expect(try await other.accept(Self.event("r2", at: 8, number: 2), memory: nil) == .folded(into: "r1"))
            #expect(try await other.run("r1")?.wakeAt == 18)
            #expect(
                try await journal.accept(Self.event("r3", at: 17, number: 3), memory: nil) == .folded(into: "r1"))
            #expect(try await journal.accept(Self.event("o", key: "x", at: 17, number: 4), memory: nil) == .accepted)
            let run = try #require(await other.run("r1"))
            #expect(run.wakeAt == 25)
            #expect(run.state == .waiting)
            #expect(run.input == 3)
            #expect(run.trigger == ["type": "run", "n": 3, "count": 3, "folded": [1, 2, 3]])
            #expect(try await journal.run("r2") == nil)
            #expect(try await journal.wake(at: 24).woken.isEmpty)
            #expect(try await journal.wake(at: 25).woken == ["r1"])
            // It is not waiting any more, so the next event begins a new run.
            #expect(try await journal.accept(Self.event("r5", at: 25, number: 5), memory: nil) == .accepted)
        }
    }

    @Test("a run that events are folded into has the priority of the last one", arguments: JournalKind.allCases)
    func priority(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for (id, priority) in [("r1", 2), ("r2", -3)] {
                var event = Self.event(id, at: 0, number: 1)
                event.priority = priority
                _ = try await journal.accept(event, memory: nil)
            }
            #expect(try await other.run("r1")?.priority == -3)
            _ = try await journal.wake(at: 25)
            _ = try await journal.accept(newRun("r3", createdAt: 5), memory: nil)
            #expect(try await other.queued(limit: 9).map(\.id) == ["r3", "r1"])
        }
    }

    @Test(
        "a run that events are folded into has the definition of the last one, and its inputs",
        arguments: JournalKind.allCases)
    func definition(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let large = Value.string(String(repeating: "x", count: 300_000))
            let versions: [ValueObject] = [[:], ["tone": "kind"], ["tone": large], [:], ["tone": large], ["tone": "x"]]
            for (number, inputs) in versions.enumerated() {
                var event = Self.event("r\(number)", at: 0, number: number)
                (event.definition, event.inputs) = ("d\(number)", inputs)
                _ = try await journal.accept(event, memory: nil)
                let run = try #require(await other.run("r0"))
                #expect(run.definition == "d\(number)")
                #expect(run.inputs == inputs)
                #expect(run.input == .int(Int64(number)))
            }
        }
    }

    @Test("`finally` of the last event's definition runs after a cancellation", arguments: JournalKind.allCases)
    func finally(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            for (key, hasFinally) in [("gains", true), ("loses", false)] {
                var first = Self.event(key, key: key, at: 0, number: 1)
                first.hasFinally = !hasFinally
                _ = try await journal.accept(first, memory: nil)
                var last = Self.event("r2", key: key, at: 1, number: 2)
                last.hasFinally = hasFinally
                #expect(try await journal.accept(last, memory: nil) == .folded(into: key))
                #expect(try await other.run(key)?.hasFinally == hasFinally)
                _ = try await journal.wake(at: 25)
                _ = try await journal.claim(key, by: worker.id, limits: RunLimits())
                _ = try await journal.release([try await journal.lease(key)], .stopped)
                let answer: CancelAnswer = hasFinally ? .requested : .cancelled
                #expect(try await other.requestCancel(key, at: 30) == answer)
            }
        }
    }

    @Test("a run that events are folded into counts as large as the last one", arguments: JournalKind.allCases)
    func size(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for bytes in [10, 5_000] {
                var event = Self.event("r\(bytes)", at: 0, number: 1)
                event.input = .string(String(repeating: "x", count: bytes))
                _ = try await journal.accept(event, memory: nil)
            }
            _ = try await journal.wake(at: 25)
            let sizes = try await other.queuedSizes()
            #expect(sizes.map(\.count) == [1])
            #expect((5_000..<6_000).contains(sizes.first?.bytes ?? 0), "\(sizes)")
        }
    }

    @Test("the longest chain of the folded events counts", arguments: JournalKind.allCases)
    func chain(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for (chain, longest) in [(1, 1), (5, 5), (0, 5)] {
                var event = Self.event("r\(chain)", at: 0, number: 1)
                event.chain = chain
                _ = try await journal.accept(event, memory: nil)
                #expect(try await other.run("r1")?.chain == longest)
            }
        }
    }

    @Test("of the values of folded events only those of the last one keep their files")
    func files() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let large = Value.string(String(repeating: "x", count: 300_000))
            for inputs: ValueObject in [["tone": large], ["tone": "kind"], ["tone": large]] {
                var event = Self.event("r", at: 0, number: 1)
                event.inputs = inputs
                _ = try await journal.accept(event, memory: nil)
                let names = try await journal.pool.read {
                    try String.fetchAll($0, sql: "SELECT name FROM files WHERE run_id = 'r'")
                }
                #expect(names == (inputs["tone"] == large ? ["inputs"] : []))
            }
            await journal.close()
        }
    }

    @Test("an event that was folded and is delivered again is a duplicate", arguments: JournalKind.allCases)
    func duplicates(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(Self.event("r1", dedupeKey: "a", at: 0, number: 1), memory: nil)
            _ = try await journal.accept(Self.event("r2", dedupeKey: "b", at: 1, number: 2), memory: nil)
            for key in ["a", "b"] {
                let again = Self.event("r3", dedupeKey: key, at: 2, number: 3)
                #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r1"))
            }
            #expect(try await journal.run("r1")?.trigger["count"] == 2)
            _ = try await journal.wake(at: 100)
            let worker = workerRecord("a")
            try await journal.join(worker)
            guard case .claimed(let run) = try await journal.claim("r1", by: worker.id, limits: RunLimits()) else {
                Issue.record("it is not claimed")
                return
            }
            #expect(run.trigger["folded"] == [1, 2])
            let end = RunCommit.End(state: .succeeded, time: 100)
            try await journal.commit(RunCommit(lease: try await journal.lease("r1"), end: end), .durable)
            // The keys outlive the run.
            let retention = Retention(age: .zero, dedupe: .seconds(60))
            _ = try await journal.prune(retention, now: 30_000_000_000)
            #expect(try await journal.run("r1") == nil)
            let again = Self.event("r4", dedupeKey: "b", at: 2, number: 3)
            #expect(try await journal.accept(again, memory: nil) == .duplicate(runID: "r1"))
            _ = try await journal.prune(retention, now: 90_000_000_000)
            #expect(try await journal.accept(again, memory: nil) == .accepted)
        }
    }

    @Test(
        "an event that was folded into a failed run may start a new run, even after the failed run was removed",
        arguments: JournalKind.allCases)
    func redelivery(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(Self.event("r1", dedupeKey: "a", at: 0, number: 1), memory: nil)
            _ = try await journal.accept(Self.event("r2", dedupeKey: "b", at: 1, number: 2), memory: nil)
            _ = try await journal.requestCancel("r1", at: 2)
            #expect(try await journal.prune(Retention(age: .zero, dedupe: .seconds(60)), now: 30).runs == 1)
            var again = Self.event("r3", dedupeKey: "b", at: 40, number: 3)
            #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r1"))
            again.retriesFailed = true
            #expect(try await other.accept(again, memory: nil) == .accepted)
        }
    }

    @Test("after a rename, folded events count as duplicates as long as others", arguments: JournalKind.allCases)
    func renamed(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(Self.event("r1", dedupeKey: "a", at: 0, number: 1), memory: nil)
            _ = try await journal.accept(Self.event("r2", dedupeKey: "b", at: 1, number: 2), memory: nil)
            try await journal.rename(pipeline: "p", to: "q", keepingKeysUntil: 1000)
            for key in ["a", "b"] {
                let again = newRun("before \(key)", pipeline: "q", dedupeKey: key)
                #expect(try await other.accept(again, memory: nil) == .duplicate(runID: "r1"))
            }
            _ = try await journal.prune(Retention(), now: 2000)
            for key in ["a", "b"] {
                let again = newRun("after \(key)", pipeline: "q", dedupeKey: key)
                #expect(try await other.accept(again, memory: nil) == .accepted)
            }
        }
    }

    @Test("events with keys of any characters are kept apart", arguments: JournalKind.allCases)
    func keys(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for (index, key) in anyKeys.enumerated() {
                let first = Self.event("r\(index)", key: key, at: 0, number: 1)
                #expect(try await journal.accept(first, memory: nil) == .accepted)
                #expect(try await other.run(first.id)?.debounce?.key == key)
            }
            for (index, key) in anyKeys.enumerated() {
                let next = Self.event("next", key: key, dedupeKey: key, at: 1, number: 2)
                #expect(try await other.accept(next, memory: nil) == .folded(into: "r\(index)"))
                #expect(try await journal.accept(next, memory: nil) == .duplicate(runID: "r\(index)"))
            }
        }
    }

    @Test("the list of a long burst is bounded, and the count is not", arguments: JournalKind.allCases)
    func bounds(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let count = Debounce.maximumEvents + 3
            for number in 0..<count {
                _ = try await journal.accept(Self.event("r\(number)", at: 0, number: number), memory: nil)
            }
            let run = try #require(await journal.run("r0"))
            #expect(run.trigger["count"] == .int(Int64(count)))
            #expect(run.trigger["folded"]?.asList?.count == Debounce.maximumEvents)
            #expect(run.trigger["folded"]?.asList?.first == 3)
            for number in 0..<4 {
                var large = Self.event("l\(number)", key: "large", at: 0, number: number)
                large.debounce?.event = .string(String(repeating: "x", count: Debounce.maximumBytes / 3))
                _ = try await journal.accept(large, memory: nil)
            }
            #expect(try await journal.run("l0")?.trigger["folded"]?.asList?.count == 2)
        }
    }

    @Test("a run that waits for more events does not hold a slot of its pipeline", arguments: JournalKind.allCases)
    func slots(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            _ = try await journal.accept(Self.event("r1", at: 0, number: 1), memory: nil)
            _ = try await journal.accept(newRun("r2"), memory: nil)
            guard case .claimed = try await journal.claim("r2", by: worker.id, limits: RunLimits(pipeline: 1)) else {
                Issue.record("the waiting run holds the slot")
                return
            }
            #expect(try await journal.requestCancel("r1", at: 3) == .cancelled)
            #expect(try await journal.accept(Self.event("r3", at: 4, number: 2), memory: nil) == .accepted)
        }
    }
}
