import GRDB
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import RunnelEngine
@testable import RunnelStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Workers on a journal", .timeLimit(.minutes(5))) struct WorkerTests {
    private static let short = "name: short\nsteps: [ { id: s, uses: nap, with: { duration: 4s } } ]"
    private static let single = """
        name: single
        concurrency: { limit: 1 }
        steps: [ { id: s, uses: nap, with: { duration: 4s } } ]
        """

    // MARK: C1: the journal cannot be written for a moment

    @Test(
        "runs go on, or are given back, when the journal could not be written for a while",
        arguments: JournalKind.allCases, [5, 8, 20, 60])
    func unwritable(kind: JournalKind, seconds: Int) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await rig.accept("free", Self.short)
                try await rig.accept("one", Self.single)
                try await rig.accept("two", Self.single)
                try await pass(.seconds(2), on: rig)
                rig.journal.faults.set { $0.writes = FaultyJournal.full }
                try await pass(.seconds(seconds), on: rig)
                #expect(rig.queue.journalProblem == "the journal cannot be written: \(FaultyJournal.full)")
                rig.journal.faults.set { $0.writes = nil }
                for id in ["free", "one", "two"] {
                    #expect(try await pass(until: .succeeded, of: id, on: rig), "\(id)")
                }
                #expect(await rig.queue.runningCount == 0)
                #expect(rig.worker.strandedRuns == [])
                #expect(rig.queue.journalProblem == nil)
                // Calls are answered and worked on as before.
                try await rig.accept("three", Self.single)
                #expect(try await pass(until: .running, of: "three", on: rig))
                #expect(try await rig.runs.cancel("three") == .requested)
                #expect(try await pass(until: .cancelled, of: "three", on: rig))
            }
            #expect(rig.log.epochs("one_s") == rig.log.epochs("one_s").sorted())
            let troubles = rig.recorder.lines.filter { $0.contains("the journal cannot be written: ") }
            #expect(troubles.count == 1)
            #expect(rig.recorder.lines.contains { $0.contains("the journal can be written again, after ") })
            let fenced = "error this worker has fenced itself: it could not renew its heartbeat for 10s; joining again"
            if seconds != 8 { #expect(rig.recorder.lines.contains { $0.hasPrefix(fenced) } == (seconds > 8)) }
        }
    }

    @Test(
        "a run whose end could not be written says so, and is given back as soon as it can be",
        arguments: JournalKind.allCases)
    func stranded(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await rig.accept("r", Self.short)
                try await pass(.seconds(3), on: rig)
                rig.journal.faults.set { $0.writes = FaultyJournal.full }
                try await pass(.seconds(2), on: rig)
                #expect(rig.worker.strandedRuns == ["r"])
                #expect(await rig.queue.runningCount == 0)
                rig.journal.faults.set { $0.writes = nil }
                try await pass(.seconds(2), on: rig)
                #expect(rig.worker.strandedRuns == [])
                #expect(try await pass(until: .succeeded, of: "r", on: rig))
            }
        }
    }

    @Test("a run that is rejected again and again is logged once, and again for another error or after an hour")
    func rejected() async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        func reject(for error: JournalError) async {
            rig.journal.faults.set { $0.writes = error }
            for _ in 0..<3 {
                await #expect(throws: TriggerRefusal.self) { try await rig.accept("r", Self.short) }
                rig.clock.advance(by: .seconds(5))
            }
        }
        let full = "error rejected a run of short: there is no space left to write journal.db"
        let busy = "error rejected a run of short: the journal is busy"
        await reject(for: FaultyJournal.full)
        #expect(rig.recorder.lines == [full])
        await reject(for: JournalError(.busy, "the journal is busy"))
        #expect(rig.recorder.lines == [full, busy])
        rig.clock.advance(by: .seconds(3600))
        await reject(for: JournalError(.busy, "the journal is busy"))
        #expect(rig.recorder.lines == [full, busy, busy])
        rig.journal.faults.set { $0.writes = nil }
        try await rig.accept("r", Self.short)
        await reject(for: JournalError(.busy, "the journal is busy"))
        #expect(rig.recorder.lines == [full, busy, busy, busy])
    }

    @Test("a trigger that failed because of the journal begins again as soon as the journal can be used")
    func triggerAfterTrouble() async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        let yaml = Array("on: { remember: {} }\nsteps: [ { uses: effect } ]\n".utf8)
        let host = PipelineHost(queue: rig.queue, loader: rig.loader, logger: rig.recorder.logger()) {
            [(file: "p.yaml", bytes: yaml)]
        }
        try await rig.serve { () async throws -> Void in
            let beginning = try #require(await host.look().first)
            rig.journal.faults.set { ($0.reads, $0.writes) = (FaultyJournal.full, FaultyJournal.full) }
            async let _: Void = beginning.work()
            // By now the next attempt would come after half a minute.
            try await pass(.seconds(35), on: rig)
            #expect(await host.all.first?.triggers == ["remember": .problem("\(FaultyJournal.full)")])
            rig.journal.faults.set { ($0.reads, $0.writes) = (nil, nil) }
            try await pass(.seconds(3), on: rig)
            #expect(await host.all.first?.triggers == ["remember": .waiting("for nothing")])
        }
        #expect(
            rig.recorder.messages.contains(
                "the trigger remember of p failed: \(FaultyJournal.full); restarting in 32s, or when the journal can be used again"
            ))
    }

    @Test("a renamed pipeline begins under its new name when the journal has taken the name, and is logged until then")
    func renamedInTrouble() async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        let name = Mutex("p")
        let host = PipelineHost(queue: rig.queue, loader: rig.loader, logger: rig.recorder.logger()) {
            let yaml = "name: \(name.withLock(\.self))\non: { remember: {} }\nsteps: [ { uses: effect } ]\n"
            return [(file: "p.yaml", bytes: Array(yaml.utf8))]
        }
        #expect(await host.look().count == 1)
        let memory = rig.journal.base.memory(of: TriggerID(pipeline: "p", key: "remember"))
        try await memory.set(["key": 1])
        name.withLock { $0 = "q" }
        rig.journal.faults.set { $0.writes = FaultyJournal.full }
        for _ in 0..<2 { #expect(await host.look().isEmpty) }
        #expect(
            rig.recorder.lines.last == "error cannot store the state of triggers: \(FaultyJournal.full)")
        #expect(try await memory.value(for: "key") == 1)
        rig.journal.faults.set { $0.writes = nil }
        #expect(await host.look().map(\.place.key) == ["remember"])
        let renamed = rig.journal.base.memory(of: TriggerID(pipeline: "q", key: "remember"))
        #expect(try await renamed.value(for: "key") == 1)
        #expect(await host.look().isEmpty)
    }

    // MARK: C2: a worker that counts as dead

    @Test(
        "a worker that was stopped for 30 s loses its runs and takes no part in what follows",
        arguments: JournalKind.allCases)
    func stopped(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let log = EffectLog()
            let first = try await WorkerRig("a", on: base, log: log)
            let second = try await WorkerRig("b", on: other, log: log)
            try await first.serve { () async throws -> Void in
                try await second.serve { () async throws -> Void in
                    try await first.accept("r", "name: long\nsteps: [ { id: s, uses: nap, with: { duration: 60s } } ]")
                    try await pass(.seconds(2), on: first, second)
                    #expect(try await base.run("r")?.owner == WorkerID("a"))
                    // The first process stands still.
                    try await pass(.seconds(12), on: second)
                    #expect(try await base.run("r")?.owner == WorkerID("a"))
                    try await pass(.seconds(18), on: second)
                    #expect(try await base.run("r")?.owner == WorkerID("b"))
                    first.clock.advance(by: .seconds(30))
                    try await pass(.seconds(3), on: first, second)
                    #expect(try await base.run("r")?.owner == WorkerID("b"))
                    #expect(first.worker.id != WorkerID("a"))
                    #expect(first.worker.mayClaim)
                    // Whatever the first claims now is its own: nobody takes it away each second.
                    for number in 0..<4 { try await first.accept("n\(number)", Self.short) }
                    for number in 0..<4 {
                        #expect(try await pass(until: .succeeded, of: "n\(number)", on: first, second))
                        #expect(log.count("n\(number)_s") == 1)
                    }
                    #expect(try await pass(until: .succeeded, of: "r", on: first, second))
                    #expect(log.count("r_s") == 2)
                    #expect(try await base.run("r")?.deaths == 0)
                }
            }
        }
    }

    @Test("a worker that others have declared dead says so, and joins again", arguments: JournalKind.allCases)
    func declaredDead(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await pass(.seconds(1), on: rig)
                try await base.leave(WorkerID("a"))
                try await pass(.seconds(6), on: rig)
            }
            let reason = "the journal no longer knows this worker: another one has declared it dead; joining again"
            #expect(rig.recorder.messages.first == reason)
            #expect(rig.recorder.messages.contains { $0.hasPrefix("this worker has joined again, after ") })
        }
    }

    @Test("two workers that cannot write for 25 s do not take each other for dead", arguments: JournalKind.allCases)
    func bothUnwritable(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let log = EffectLog()
            let first = try await WorkerRig("a", on: base, log: log)
            let second = try await WorkerRig("b", on: other, log: log)
            try await first.serve { () async throws -> Void in
                try await second.serve { () async throws -> Void in
                    for number in 0..<3 {
                        try await first.accept("a\(number)", Self.short)
                        try await second.accept("b\(number)", Self.short)
                    }
                    try await pass(.seconds(1), on: first, second)
                    for rig in [first, second] { rig.journal.faults.set { $0.writes = FaultyJournal.full } }
                    try await pass(.seconds(25), on: first, second)
                    for rig in [first, second] { rig.journal.faults.set { $0.writes = nil } }
                    for id in ["a0", "a1", "a2", "b0", "b1", "b2"] {
                        #expect(try await pass(until: .succeeded, of: id, on: first, second))
                        // Once before the trouble, and once after it.
                        #expect(log.count("\(id)_s") <= 2)
                    }
                    #expect(try await base.workers().count == 2)
                }
            }
        }
    }

    // MARK: H1: what fails, fails alone

    @Test("a claim that fails strands no other, and takes no place for good", arguments: JournalKind.allCases)
    func failingClaim(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base, limit: 8)
            for number in 0..<8 { try await rig.enqueue("r\(number)", Self.short) }
            rig.journal.faults.set { $0.lostClaims = ["r0", "r3"] }
            try await rig.serve { () async throws -> Void in
                for number in [1, 2, 4, 5, 6, 7] {
                    #expect(try await pass(until: .succeeded, of: "r\(number)", on: rig))
                }
                // Each claim that was written and not answered is found again and given back, at growing intervals.
                #expect(try await base.run("r0")?.interruptions ?? 0 >= 1)
                rig.journal.faults.set { $0.lostClaims = [] }
                for number in [0, 3] { #expect(try await pass(until: .succeeded, of: "r\(number)", on: rig)) }
                #expect(await rig.queue.runningCount == 0)
                for number in 10..<18 { try await rig.accept("r\(number)", Self.short) }
                try await pass(.seconds(2), on: rig)
                #expect(await rig.queue.runningCount == 8)
            }
        }
    }

    @Test("a run is not claimed while the limit of its pipeline cannot be read", arguments: JournalKind.allCases)
    func unreadableLimit(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.enqueue("one", Self.single)
            rig.journal.faults.set { $0.definitions = FaultyJournal.full }
            try await rig.serve { () async throws -> Void in
                try await pass(.seconds(3), on: rig)
                #expect(rig.journal.faults.claims.withLock(\.self) == 0)
                rig.journal.faults.set { $0.definitions = nil }
                #expect(try await pass(until: .succeeded, of: "one", on: rig))
            }
            let logged = rig.recorder.messages.filter { $0.hasPrefix("cannot read the queue: ") }
            #expect(logged == ["cannot read the queue: \(FaultyJournal.full)"])
        }
    }

    @Test("a damaged value fails its run alone, when it is claimed and when it is resumed")
    func damaged() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let base = try SQLiteJournal.open(directory: folder + "/.runnel")
            let rig = try await WorkerRig("a", on: base)
            for number in 0..<4 { try await rig.enqueue("r\(number)", Self.short) }
            var large = try #require(try await base.run("r0"))
            (large.id, large.input) = ("large", .string(String(repeating: "x", count: 300_000)))
            _ = try await base.accept(large, memory: nil)
            try await base.pool.write { db in
                try db.execute(sql: "UPDATE runs SET inputs = 'no json' WHERE id = 'r1'")
                try db.execute(sql: "UPDATE runs SET created_at = 'no time' WHERE id = 'r2'")
                try db.execute(
                    sql: """
                        UPDATE runs SET interruptions = 1 WHERE id = 'r3';
                        INSERT INTO steps (run_id, key, uses, state, attempt, output)
                        VALUES ('r3', 's', 'nap', 'succeeded', 1, 'no json')
                        """)
            }
            for file in try FileManager.default.contentsOfDirectory(atPath: folder + "/.runnel/outputs") {
                #expect(FileManager.default.createFile(atPath: folder + "/.runnel/outputs/" + file, contents: Data()))
            }
            try await rig.serve { () async throws -> Void in
                #expect(try await pass(until: .succeeded, of: "r0", on: rig))
            }
            let failed = try await base.runs(RunFilter(states: [.failed])).map(\.id).sorted()
            #expect(failed == ["large", "r1", "r3"])
            for id in ["r1", "r3", "large"] {
                let error = try await base.runs(RunFilter()).first { $0.id == id }?.error
                #expect(error?.asObject?["code"] == "journal-corrupt", "\(id)")
            }
            // The one whose row cannot be read ends too, and the others can be seen.
            let state = try await base.pool.read {
                try String.fetchOne($0, sql: "SELECT state FROM runs WHERE id = 'r2'")
            }
            #expect(state == "failed")
            #expect(rig.log.count("r3_s") == 0)
            #expect(await rig.queue.runningCount == 0)
            await base.close()
        }
    }

    // MARK: Runs that kill their worker

    @Test(
        "a run whose worker died three times is tried alone, and clears itself with its first step",
        arguments: JournalKind.allCases)
    func alone(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.enqueue(
                "suspect",
                """
                name: suspect
                steps:
                  - { id: one, uses: nap, with: { duration: 5s } }
                  - { id: two, uses: nap, with: { duration: 5s } }
                """)
            for number in 0..<3 {
                try await base.join(workerRecord("dead\(number)"))
                _ = try await base.claim("suspect", by: WorkerID("dead\(number)"), limits: RunLimits())
                #expect(try await base.takeOver(.died, "dead\(number)", now: WorkerRig.start).queued == ["suspect"])
            }
            for number in 0..<4 { try await rig.enqueue("other\(number)", Self.short) }
            try await rig.serve { () async throws -> Void in
                #expect(try await pass(until: .succeeded, of: "suspect", on: rig))
                for number in 0..<4 { #expect(try await pass(until: .succeeded, of: "other\(number)", on: rig)) }
                #expect(rig.log.companions(of: "suspect_one") == [])
                #expect(try await base.run("suspect")?.deaths == 0)
                #expect(
                    rig.recorder.lines.contains {
                        $0.contains("the worker of the run suspect died 3 times; retrying it once more, alone")
                    })
            }
        }
    }

    @Test(
        "runs that come while their pipeline is at its limit are not claimed in vain, and keep no other from beginning",
        arguments: JournalKind.allCases)
    func atLimit(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await rig.accept("single 00", Self.single)
                #expect(try await pass(until: .running, of: "single 00", on: rig))
                let before = rig.journal.faults.claims.withLock(\.self)
                for number in 10..<30 {
                    try await rig.accept("single \(number)", Self.single)
                    await rig.executor.waitUntilIdle()
                }
                let after = rig.journal.faults.claims.withLock(\.self)
                #expect(after - before <= 1)
                try await rig.accept("other", Self.short)
                #expect(try await pass(until: .running, of: "other", within: .zero, on: rig))
                // It was taken as it came, without a look at the queue.
                #expect(rig.journal.faults.claims.withLock(\.self) == after)
                #expect(try await pass(until: .succeeded, of: "single 00", on: rig))
                #expect(try await pass(until: .running, of: "single 10", within: .zero, on: rig))
            }
        }
    }

    @Test(
        "cancelled runs are not counted: they cause no refusal, and keep no other pipeline from beginning",
        arguments: JournalKind.allCases)
    func cancelledQueued(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await rig.accept("single 00", Self.single)
                #expect(try await pass(until: .running, of: "single 00", on: rig))
                for number in 10..<90 {
                    try await rig.accept("single \(number)", Self.single, .trigger)
                    if number < 80 { #expect(try await rig.runs.cancel("single \(number)") == .cancelled) }
                    // More than the pipeline may have in the queue are cancelled in a second.
                    if number == 60 { rig.clock.advance(by: .milliseconds(300)) }
                }
                #expect(try await base.queuedCounts() == ["single": 10])
                try await rig.enqueue("woken", Self.short, debounce: .milliseconds(500))
                #expect(try await pass(until: .running, of: "woken", within: .seconds(2), on: rig))
                #expect(try await base.run("single 80")?.state == .queued)
            }
        }
    }

    // MARK: Waiting

    private static let flaky = """
        name: flaky
        timeout: 8s
        concurrency: { limit: 1 }
        steps:
          - { id: one, uses: nap, with: { duration: 2s } }
          - { id: two, uses: flaky, retry: { attempts: 3, backoff: 60s, max_backoff: 60s } }
          - { id: three, uses: nap, with: { duration: 2s } }
        """

    @Test(
        "a long pause before a retry is spent in the journal: no place, no owner, and the time-out stands still",
        arguments: JournalKind.allCases)
    func retryWaits(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base, limit: 1)
            try await rig.serve { () async throws -> Void in
                try await rig.accept("first", Self.flaky)
                try await rig.accept("second", Self.flaky)
                #expect(try await pass(until: .waiting, of: "first", within: .seconds(5), on: rig))
                let resting = try #require(try await base.run("first"))
                #expect(resting.owner == nil)
                let wakeAt = try #require(resting.wakeAt)
                #expect((30 * WorkerRig.second...65 * WorkerRig.second).contains(wakeAt - WorkerRig.start))
                #expect(try await base.steps(of: "first").map(\.state) == [.succeeded, .waiting])
                #expect(try await base.steps(of: "first").last?.retryAt == wakeAt)
                #expect(await rig.queue.runningCount == 0)
                // The place in the process is free for others, the one of the pipeline is not.
                try await rig.accept("other", Self.short)
                #expect(try await pass(until: .succeeded, of: "other", within: .seconds(10), on: rig))
                #expect(try await base.run("second")?.state == .queued)
                #expect(try await pass(until: .succeeded, of: "first", within: .seconds(70), on: rig))
                #expect(rig.log.count("first_one") == 1)
                #expect(rig.log.count("first_two") == 2)
                let ended = try #require(try await base.run("first"))
                #expect(ended.interruptions == 0)
                // What watchers are told is what the record says, with the wait.
                let took = try #require(ended.took(now: 0))
                #expect(took > .seconds(30))
                let last = try await base.lastEvents(of: "first", limit: 1).last?.event
                #expect(last?["event"] == "run-finished")
                #expect(last?["took_ms"]?.asDouble == took.milliseconds)
                #expect(try await base.steps(of: "first").map(\.attempt) == [1, 2, 1])
                #expect(try await pass(until: .succeeded, of: "second", within: .seconds(90), on: rig))
            }
        }
    }

    @Test(
        "while a due run cannot be woken the journal is asked once a second, and the error is logged once",
        arguments: JournalKind.allCases)
    func failingWake(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await rig.accept("r", Self.flaky)
                #expect(try await pass(until: .waiting, of: "r", within: .seconds(5), on: rig))
                rig.journal.faults.set { $0.wakes = FaultyJournal.full }
                try await pass(.seconds(70), on: rig)
                #expect(try await base.run("r")?.state == .waiting)
                let before = rig.journal.faults.wakes.withLock(\.self)
                try await pass(.seconds(10), on: rig)
                #expect((8...12).contains(rig.journal.faults.wakes.withLock(\.self) - before))
                rig.journal.faults.set { $0.wakes = nil }
                #expect(try await pass(until: .succeeded, of: "r", within: .seconds(10), on: rig))
            }
            let logged = rig.recorder.messages.filter { $0.hasPrefix("cannot read the queue: ") }
            #expect(logged == ["cannot read the queue: \(FaultyJournal.full)"])
        }
    }

    @Test("the time-out of a run counts the time of all its lives", arguments: JournalKind.allCases)
    func timeoutOfAllLives(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            let yaml = """
                name: slow
                timeout: 5s
                steps:
                  - { id: one, uses: nap, with: { duration: 3s } }
                  - { id: two, uses: flaky, retry: { attempts: 3, backoff: 30s, max_backoff: 30s } }
                  - { id: three, uses: nap, with: { duration: 3s } }
                """
            try await rig.serve { () async throws -> Void in
                try await rig.accept("r", yaml)
                #expect(try await pass(until: .failed, of: "r", on: rig))
                let error = try await base.run("r")?.error?.asObject
                #expect(error?["code"] == "run-timeout")
                #expect(error?["message"] == "the run took longer than its `timeout` of 5s")
                #expect(rig.log.count("r_three") == 1)
            }
        }
    }

    @Test(
        "a waiting run is cancelled at once, through its `finally` where it has one", arguments: JournalKind.allCases)
    func cancelWaiting(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            let plain =
                "name: plain\nsteps: [ { id: s, uses: flaky, retry: { attempts: 2, backoff: 10m, max_backoff: 10m } } ]"
            let last = plain.replacing("plain", with: "last") + "\nfinally: [ { id: f, uses: nap } ]"
            try await rig.serve { () async throws -> Void in
                try await rig.accept("plain", plain)
                try await rig.accept("last", last)
                #expect(try await pass(until: .waiting, of: "plain", within: .seconds(5), on: rig))
                #expect(try await pass(until: .waiting, of: "last", within: .seconds(5), on: rig))
                // By another process, as `runnel runs cancel` does.
                #expect(try await other.requestCancel("plain", at: 1) == .cancelled)
                #expect(try await other.requestCancel("last", at: 1) == .requested)
                #expect(try await pass(until: .cancelled, of: "last", within: .seconds(5), on: rig))
                #expect(rig.log.count("last_f") == 1)
                #expect(rig.log.count("last_s") == 1)
                #expect(try await base.steps(of: "last").map(\.state) == [.cancelled, .succeeded])
            }
        }
    }

    @Test(
        "an interrupted run that is cancelled runs its `finally`, and not the step that was interrupted",
        arguments: JournalKind.allCases)
    func cancelInterrupted(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.enqueue("r", Self.short + "\nfinally: [ { id: f, uses: nap } ]")
            try await base.join(workerRecord("dead"))
            _ = try await base.claim("r", by: WorkerID("dead"), limits: RunLimits())
            var going = step("s", .running)
            going.uses = "nap"
            try await base.commit(RunCommit(lease: base.lease("r"), steps: [going]), .durable)
            #expect(try await base.takeOver(.died, "dead", now: WorkerRig.start).queued == ["r"])
            #expect(try await base.run("r")?.stateText == "interrupted")
            #expect(try await other.requestCancel("r", at: 1) == .requested)
            try await rig.serve { () async throws -> Void in
                #expect(try await pass(until: .cancelled, of: "r", within: .seconds(5), on: rig))
            }
            #expect(rig.log.count("r_s") == 0)
            #expect(rig.log.count("r_f") == 1)
        }
    }

    @Test(
        "a `finally` that hangs is ended by a second request, of this process or another",
        arguments: JournalKind.allCases)
    func cancelFinally(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            let hanging = """
                name: hanging
                steps: [ { id: s, uses: nap, with: { duration: 1h } } ]
                finally: [ { id: f, uses: nap, with: { duration: 1h } } ]
                """
            try await rig.serve { () async throws -> Void in
                for id in ["here", "there"] {
                    func cancel() async throws -> CancelAnswer {
                        if id == "here" { return try await rig.runs.cancel(id, mayEndFinally: true) }
                        return try await other.requestCancel(id, mayEndFinally: true, at: 1)
                    }
                    try await rig.accept(id, hanging)
                    #expect(try await pass(until: .running, of: id, on: rig))
                    try await pass(.seconds(1), on: rig)
                    #expect(try await cancel() == .requested)
                    try await pass(.seconds(1), on: rig)
                    #expect(rig.log.count("\(id)_f") == 1)
                    // What is no request of a person changes nothing.
                    #expect(try await rig.runs.cancel(id) == .requested)
                    #expect(try await other.requestCancel(id, at: 1) == .requested)
                    try await pass(.seconds(5), on: rig)
                    #expect(try await base.run(id)?.state == .running)
                    #expect(try await cancel() == .endingFinally)
                    #expect(try await pass(until: .cancelled, of: id, within: .seconds(5), on: rig))
                    #expect(try await base.steps(of: id).map(\.state) == [.cancelled, .cancelled])
                    #expect(rig.log.count("\(id)_f") == 1)
                }
            }
        }
    }

    @Test("the `finally` of a cancelled run waits for its retry in the journal", arguments: JournalKind.allCases)
    func cancelledFinallyWaits(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            let retried =
                Self.short
                + "\nfinally: [ { id: f, uses: flaky, retry: { attempts: 2, backoff: 1m, max_backoff: 1m } } ]"
            try await rig.serve { () async throws -> Void in
                try await rig.accept("r", retried)
                #expect(try await pass(until: .running, of: "r", on: rig))
                try await pass(.seconds(1), on: rig)
                #expect(try await other.requestCancel("r", at: 1) == .requested)
                #expect(try await pass(until: .waiting, of: "r", within: .seconds(5), on: rig))
                let epoch = try await base.run("r")?.epoch
                try await pass(.seconds(2), on: rig)
                #expect(try await base.run("r")?.epoch == epoch)
                #expect(try await pass(until: .cancelled, of: "r", within: .seconds(70), on: rig))
                #expect(rig.log.count("r_f") == 2)
            }
        }
    }

    @Test(
        "an interrupted `finally` runs again after one request, and not after two", arguments: JournalKind.allCases,
        [1, 2])
    func cancelInterruptedFinally(kind: JournalKind, requests: Int) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.enqueue("r", Self.short + "\nfinally: [ { id: f, uses: nap } ]")
            try await base.join(workerRecord("dead"))
            _ = try await base.claim("r", by: WorkerID("dead"), limits: RunLimits())
            var (ended, going) = (step("s", .cancelled), step("f", .running))
            (ended.uses, going.uses) = ("nap", "nap")
            var commit = try await RunCommit(lease: base.lease("r"), steps: [ended, going])
            commit.beginsFinally = true
            try await base.commit(commit, .durable)
            #expect(try await base.takeOver(.died, "dead", now: WorkerRig.start).queued == ["r"])
            for number in 1...requests {
                let answer = try await other.requestCancel("r", mayEndFinally: true, at: 1)
                #expect(answer == (number == 1 ? .requested : .endingFinally))
            }
            try await rig.serve { () async throws -> Void in
                #expect(try await pass(until: .cancelled, of: "r", within: .seconds(5), on: rig))
            }
            #expect(rig.log.count("r_s") == 0)
            #expect(rig.log.count("r_f") == (requests == 1 ? 1 : 0))
            #expect(try await base.steps(of: "r").last?.state == (requests == 1 ? .succeeded : .cancelled))
        }
    }

    @Test("a suspect whose process dies once more fails, and the others go on", arguments: JournalKind.allCases)
    func poison(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.enqueue("poison", Self.short)
            try await rig.serve { () async throws -> Void in
                for death in 1...4 {
                    try await base.join(workerRecord("dead\(death)"))
                    // Claimed by a process that dies of it, as soon as its pause is over.
                    _ = try await base.claim("poison", by: WorkerID("dead\(death)"), limits: RunLimits())
                    let takeover = try await base.takeOver(.died, "dead\(death)", now: .max / 2)
                    #expect(takeover == (death < 4 ? Takeover(queued: ["poison"]) : Takeover(failed: ["poison"])))
                }
                try await rig.accept("other", Self.short)
                #expect(try await pass(until: .succeeded, of: "other", on: rig))
            }
            #expect(try await base.run("poison")?.state == .failed)
            #expect(rig.log.count("poison_s") == 0)
        }
    }

    @Test(
        "a pause of a second, and one beside a step that goes on, are spent in the process",
        arguments: JournalKind.allCases)
    func shortPause(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            try await rig.serve { () async throws -> Void in
                try await rig.accept(
                    "short", "name: s\nsteps: [ { id: s, uses: flaky, retry: { attempts: 2, backoff: 1s } } ]")
                try await rig.accept(
                    "beside",
                    """
                    name: b
                    steps:
                      - id: g
                        parallel: true
                        steps:
                          - { id: s, uses: flaky, retry: { attempts: 2, backoff: 20s, max_backoff: 20s } }
                          - { id: n, uses: nap, with: { duration: 30s } }
                    """)
                #expect(try await pass(until: .succeeded, of: "short", on: rig))
                #expect(try await pass(until: .succeeded, of: "beside", on: rig))
                #expect(try await base.run("short")?.wakeAt == nil)
                #expect(try await base.run("beside")?.wakeAt == nil)
            }
        }
    }
}
