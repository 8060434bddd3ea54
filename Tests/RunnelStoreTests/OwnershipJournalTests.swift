import PostgresClient
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelStore

@Suite("Every journal keeps ownership") struct OwnershipJournalTests {
    private let a = workerRecord("a")
    private let b = workerRecord("b")

    @Test(
        "every claim gets a higher epoch, also that of a run that is accepted with its owner",
        arguments: JournalKind.allCases)
    func epochs(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.join(a)
            try await other.join(b)
            var epochs: [Int64] = []
            for number in 0..<3 {
                guard case .claimed(let epoch) = try await journal.accept(newRun("own\(number)", owner: a), memory: nil)
                else { Issue.record("it was not claimed"); return }
                _ = try await journal.accept(newRun("r\(number)"), memory: nil)
                guard case .claimed(let run) = try await other.claim("r\(number)", by: b.id, limits: RunLimits()) else {
                    Issue.record("it was not claimed"); return
                }
                epochs += [epoch, run.epoch]
            }
            #expect(epochs == [1, 2, 3, 4, 5, 6])
            #expect(try await journal.leases(of: a.id).map(\.epoch) == [1, 3, 5])
        }
    }

    @Test(
        "a worker that was frozen right before an effect leaves it to whoever has the run then",
        arguments: JournalKind.allCases)
    func frozenBeforeEffect(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            // The clock has moved on, and no heartbeat could be sent.
            rig.log.beforeEffect.withLock { [clock = rig.clock] in $0 = { clock.advance(by: .seconds(25)) } }
            try await rig.serve {
                try await rig.accept("r", "name: p\nsteps: [{ id: e, uses: checked-effect }]\n")
                #expect(try await pass(until: .succeeded, of: "r", on: rig))
            }
            #expect(rig.log.epochs("r_e") == [2])
        }
    }

    @Test("what a worker has to say from an earlier claim of its own is refused", arguments: JournalKind.allCases)
    func earlierClaim(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            let old = try await journal.lease("r")
            try await journal.commit(RunCommit(lease: old, events: ["one"]), .soon)
            _ = try await journal.release([old], .stopped)
            _ = try await journal.claim("r", by: a.id, limits: RunLimits())
            let new = try await journal.lease("r")
            #expect(new.worker == old.worker)
            for commit in [
                RunCommit(lease: old, steps: [step("one")]),
                RunCommit(lease: old, end: RunCommit.End(state: .succeeded, time: 1)),
            ] {
                let error = await #expect(throws: JournalError.self) { try await journal.commit(commit, .durable) }
                #expect(error?.code == .leaseLost)
            }
            #expect(try await journal.release([old], .stopped) == [])
            // Nothing of the refused ones stands in the way of the new claim, nor of the numbers of its events.
            try await journal.commit(RunCommit(lease: new, steps: [step("two")], events: ["two"]), .durable)
            #expect(try await journal.steps(of: "r").map(\.key.step) == ["two"])
            #expect(try await journal.events(of: "r", from: 0, limit: 9).map(\.event) == ["one", "two"])
        }
    }

    @Test("events are numbered on when the run was worked on elsewhere in between", arguments: JournalKind.allCases)
    func eventsOfTwo(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.join(a)
            try await other.join(b)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            func work(_ view: any Journal, _ worker: WorkerRecord) async throws {
                try await view.commit(RunCommit(lease: view.lease("r"), events: [.string(worker.id.text)]), .durable)
            }
            try await work(journal, a)
            // Taken away without the first view knowing of it.
            _ = try await other.takeOver(.present, "a")
            _ = try await other.claim("r", by: b.id, limits: RunLimits())
            try await work(other, b)
            _ = try await other.release([other.lease("r")], .stopped)
            try await journal.join(workerRecord("a2"))
            _ = try await journal.claim("r", by: WorkerID("a2"), limits: RunLimits())
            try await work(journal, a)
            #expect(try await journal.events(of: "r", from: 0, limit: 9).map(\.event) == ["a", "b", "a"])
        }
    }

    @Test(
        "a worker that counted as dead owns nothing that it accepts, and claims nothing",
        arguments: JournalKind.allCases)
    func unknownWorker(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            #expect(try await journal.accept(newRun("r", owner: a), memory: nil) == .accepted)
            #expect(try await journal.run("r")?.state == .queued)
            #expect(try await journal.run("r")?.startedAt == nil)
            let error = await #expect(throws: JournalError.self) {
                _ = try await journal.claim("r", by: a.id, limits: RunLimits())
            }
            #expect(error?.code == .workerUnknown)
            #expect(error?.message == "the journal no longer knows the worker a")
            #expect(try await journal.run("r")?.owner == nil)
        }
    }

    @Test("joining under another name gives the runs of the former names back", arguments: JournalKind.allCases)
    func rejoining(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            try await journal.join(b, replacing: [a.id, WorkerID("never")], at: 5)
            #expect(try await journal.workers().map(\.id.text) == ["b"])
            #expect(try await journal.run("r")?.state == .queued)
            #expect(try await journal.run("r")?.isInterrupted == true)
            #expect(try await journal.run("r")?.deaths == 0)
        }
    }

    @Test(
        "a run whose worker dies four times without progress fails; each pause before it is claimed again is longer",
        arguments: JournalKind.allCases)
    func deaths(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(newRun("r"), memory: nil)
            let second: Int64 = 1_000_000_000
            for death in 1...4 {
                let worker = workerRecord("a\(death)")
                try await journal.join(worker)
                guard case .claimed = try await journal.claim("r", by: worker.id, limits: RunLimits()) else {
                    Issue.record("it was not claimed"); return
                }
                // A step that was cancelled in an earlier life is cancelled again.
                try await journal.commit(
                    RunCommit(
                        lease: journal.lease("r"), steps: [step("before", .cancelled), step("part", .running)]),
                    .durable)
                let takeover = try await other.takeOver(.died, "a\(death)", now: 100 * second)
                guard death < 4 else {
                    #expect(takeover == Takeover(failed: ["r"]))
                    break
                }
                #expect(takeover == Takeover(queued: ["r"]))
                let run = try #require(try await other.run("r"))
                #expect(run.deaths == death)
                let pause = [0, 1, 2][death - 1] * second
                #expect(run.wakeAt == 100 * second + pause)
                #expect(try await other.queued(QueueSearch(limit: 1, now: 100 * second + pause - 1)).count == 0)
                #expect(try await other.queued(QueueSearch(limit: 1, now: 100 * second + pause)).count == 1)
                // A clock that was set back does not keep it there.
                #expect(try await other.queued(QueueSearch(limit: 1, now: 0)).count == 1)
                #expect(try await other.queued(QueueSearch(limit: 1, deaths: 0..<3)).count == (death < 3 ? 1 : 0))
                #expect(try await other.queued(QueueSearch(limit: 1, deaths: 3..<9)).count == (death < 3 ? 0 : 1))
            }
            let run = try #require(try await other.run("r"))
            #expect(run.state == .failed)
            let error = run.error?.asObject ?? [:]
            #expect(error["code"] == "killed-its-worker")
            #expect(
                error["message"]
                    == "the worker of the run died 4 times while \"part\" was running without progress"
            )
            #expect(error["step"] == "part")
        }
    }

    @Test("kills of a run that makes progress never add up", arguments: JournalKind.allCases)
    func progress(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(newRun("r"), memory: nil)
            for number in 0..<10 {
                let worker = workerRecord("a\(number)")
                try await journal.join(worker)
                _ = try await journal.claim("r", by: worker.id, limits: RunLimits())
                if number.isMultiple(of: 3) {
                    try await journal.commit(
                        RunCommit(lease: journal.lease("r"), steps: [step("s\(number)")]), .durable)
                }
                #expect(try await other.takeOver(.died, "a\(number)") == Takeover(queued: ["r"]))
            }
            #expect(try await other.run("r")?.deaths == 1)
            #expect(try await other.run("r")?.interruptions == 10)
        }
    }

    @Test(
        "kills of a loop that ends rounds never add up, those of a step that fails and is retried do",
        arguments: JournalKind.allCases)
    func rounds(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for id in ["loop", "retry"] { _ = try await journal.accept(newRun(id), memory: nil) }
            for number in 1...3 {
                let worker = workerRecord("a\(number)")
                try await journal.join(worker)
                for id in ["loop", "retry"] { _ = try await journal.claim(id, by: worker.id, limits: RunLimits()) }
                var failed = step("s", .waiting)
                failed.error = ["code": "busy", "message": "try later"]
                let round = step("s", .waiting, output: .null)
                try await journal.commit(RunCommit(lease: journal.lease("loop"), steps: [round]), .durable)
                try await journal.commit(RunCommit(lease: journal.lease("retry"), steps: [failed]), .durable)
                _ = try await other.takeOver(.died, "a\(number)")
                #expect(try await other.run("loop")?.deaths == 1)
                #expect(try await other.run("retry")?.deaths == number)
            }
        }
    }

    /// In PostgreSQL, the session of the worker locks its name a moment after it has joined. Without the lock, a silent
    /// worker counts as dead.
    private static func waitForLock(of worker: WorkerID, in journal: any Journal) async throws {
        guard let journal = journal as? PostgresJournal else { return }
        let query = PostgresStatement(
            """
            SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted
                AND (classid::bigint << 32) | objid::bigint = \(PostgresListener.lockKey))
            """, parameters: [.text(worker.text)])
        func isLocked() async throws -> Bool {
            try await journal.readers.read { try $0.execute(query).first?.bool(0) ?? false }
        }
        while try await !isLocked() { try await waitTurn() }
    }

    @Test("a shutdown, a fence and a silence are no deaths", arguments: JournalKind.allCases)
    func noDeaths(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(newRun("r"), memory: nil)
            for number in 0..<12 {
                let worker = workerRecord("a\(number)")
                try await journal.join(worker)
                _ = try await journal.claim("r", by: worker.id, limits: RunLimits())
                switch number % 4 {
                case 0: try await journal.leave(worker.id)
                case 1: _ = try await journal.release([journal.lease("r")], .broken(now: 1))
                case 2: try await journal.join(workerRecord("b\(number)"), replacing: [worker.id], at: 1)
                default:
                    try await Self.waitForLock(of: worker.id, in: journal)
                    _ = try await other.takeOver(.present, "a\(number)")
                }
            }
            #expect(try await other.run("r")?.deaths == 0)
            #expect(try await other.run("r")?.state == .queued)
        }
    }

    @Test(
        "a waiting run belongs to nobody, wakes once, and counts for the limit of its pipeline alone",
        arguments: JournalKind.allCases)
    func waiting(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.join(a)
            _ = try await journal.accept(newRun("r1", owner: a), memory: nil)
            for id in ["r2", "r3"] { _ = try await journal.accept(newRun(id), memory: nil) }
            var retry = step("s", .waiting)
            retry.retryAt = 50
            var commit = try await RunCommit(lease: journal.lease("r1"), steps: [retry])
            (commit.wakeAt, commit.worked) = (50, .seconds(7))
            try await journal.commit(commit, .durable)
            let run = try #require(try await other.run("r1"))
            #expect(run.state == .waiting)
            #expect(run.lease == nil)
            #expect(run.wakeAt == 50)
            #expect(run.worked == .seconds(7))
            #expect(run.interruptions == 0)
            #expect(try await other.waitingCount() == 1)
            #expect(try await other.runs(RunFilter(states: [.waiting])).map(\.id) == ["r1"])
            #expect(try await other.claim("r1", by: a.id, limits: RunLimits()) == .waiting(until: 50))
            // One at a time means one at a time, also while that one rests; all together it holds no place.
            #expect(try await other.claim("r2", by: a.id, limits: RunLimits(pipeline: 1)) == .busy)
            guard case .claimed = try await other.claim("r2", by: a.id, limits: RunLimits(total: 1)) else {
                Issue.record("it holds a place"); return
            }
            let end = RunCommit.End(state: .succeeded, time: 2)
            try await journal.commit(RunCommit(lease: journal.lease("r2"), end: end), .durable)
            #expect(try await other.wake(at: 49) == Waking(next: 50))
            async let first = journal.wake(at: 50)
            async let second = other.wake(at: 50)
            let woken = try await first.woken + second.woken
            #expect(woken == ["r1"])
            // It has begun, so it goes before r3, whoever of them is asked for first.
            #expect(try await other.queued(limit: 9).map(\.id) == ["r1", "r3"])
            #expect(try await other.claim("r3", by: a.id, limits: RunLimits(pipeline: 1)) == .busy)
            guard case .claimed(let again) = try await other.claim("r1", by: a.id, limits: RunLimits(pipeline: 1))
            else {
                Issue.record("it was not claimed"); return
            }
            #expect(again.worked == .seconds(7))
            #expect(try await other.steps(of: "r1").map(\.retryAt) == [50])
        }
    }

    @Test(
        "queued runs of one version of a pipeline are skipped while its places are taken, and none that has begun",
        arguments: JournalKind.allCases)
    func skipping(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.join(a)
            for id in ["held", "interrupted"] { _ = try await journal.accept(newRun(id, owner: a), memory: nil) }
            _ = try await journal.release([journal.lease("interrupted")], .stopped)
            for id in ["q1", "q2"] { _ = try await journal.accept(newRun(id), memory: nil) }
            var edited = newRun("edited")
            edited.definition = "e"
            _ = try await journal.accept(edited, memory: nil)
            _ = try await journal.accept(newRun("another", pipeline: "another"), memory: nil)
            #expect(try await other.skipQueued(like: newRun("q2"), limit: 3, at: 7).isEmpty)
            #expect(try await other.skipQueued(like: newRun("q2"), limit: 2, at: 7) == ["q1", "q2"])
            #expect(try await other.skipQueued(like: newRun("q2"), limit: 2, at: 8).isEmpty)
            let run = try #require(await journal.run("q1"))
            #expect((run.state, run.startedAt, run.endedAt) == (.skipped, nil, 7))
            #expect(try await journal.queued(limit: 9).map(\.id) == ["interrupted", "another", "edited"])
            #expect(try await journal.ends(after: 0, limit: 9).map(\.runID) == ["q1", "q2"])
            #expect(try await journal.claim("q1", by: a.id, limits: RunLimits()) == .ended(.skipped))
        }
    }

    @Test(
        "a run that has begun and rests is cancelled at once, or by whoever claims it where it has a `finally`",
        arguments: JournalKind.allCases)
    func cancellingWaiting(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.join(a)
            func rest(_ id: String, hasFinally: Bool) async throws {
                var run = newRun(id, owner: a)
                run.hasFinally = hasFinally
                _ = try await journal.accept(run, memory: nil)
                var commit = try await RunCommit(lease: journal.lease(id))
                commit.wakeAt = 1_000
                try await journal.commit(commit, .durable)
            }
            try await rest("plain", hasFinally: false)
            #expect(try await other.requestCancel("plain", at: 7) == .cancelled)
            #expect(try await other.run("plain")?.endedAt == 7)
            try await rest("last", hasFinally: true)
            #expect(try await other.requestCancel("last", at: 7) == .requested)
            #expect(try await other.run("last")?.state == .queued)
            guard case .claimed(let run) = try await other.claim("last", by: a.id, limits: RunLimits()) else {
                Issue.record("it was not claimed"); return
            }
            #expect(run.isCancelRequested)
            // A cancellation that comes while the run is about to rest is not slept over.
            #expect(try await other.requestCancel("last", at: 8) == .requested)
            var commit = try await RunCommit(lease: journal.lease("last"))
            commit.wakeAt = 1_000
            try await journal.commit(commit, .durable)
            #expect(try await other.run("last")?.state == .queued)
            // One that has not begun has nothing to clear up.
            var fresh = newRun("fresh")
            fresh.hasFinally = true
            _ = try await journal.accept(fresh, memory: nil)
            #expect(try await other.requestCancel("fresh", at: 9) == .cancelled)
        }
    }

    @Test("a waiting run is not removed, however old", arguments: JournalKind.allCases)
    func pruningWaiting(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            var commit = try await RunCommit(lease: journal.lease("r"))
            commit.wakeAt = 1_000
            try await journal.commit(commit, .durable)
            #expect(try await journal.prune(Retention(age: .zero, count: 0), now: .max).runs == 0)
            #expect(try await journal.run("r")?.state == .waiting)
        }
    }
}
