import GRDB
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

@Suite("What a damaged journal harms") struct DamageTests {
    /// Two runs of the worker `a`, of which one is damaged.
    private func withRuns(_ damage: String, _ body: (SQLiteJournal) async throws -> Void) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            for name in ["a", "b"] { try await journal.join(workerRecord(name)) }
            for id in ["bad", "good"] {
                _ = try await journal.accept(newRun(id, owner: workerRecord("a")), memory: nil)
                try await journal.commit(
                    RunCommit(lease: journal.lease(id), steps: [step("s")], events: [["event": "x"]]), .durable)
            }
            try await journal.pool.write { try $0.execute(sql: damage) }
            try await body(journal)
            await journal.close()
        }
    }

    @Test(
        "one column of one run: a takeover, the queue and a claim of the others go on",
        arguments: [
            "pipeline", "definition", "dedupe_key", "\"trigger\"", "inputs", "input", "created_at", "started_at",
            "error",
            "owner", "interruptions", "cancel_requested", "retry_of", "epoch", "deaths", "takeovers", "wake_at",
            "worked",
            "has_finally", "finally_stage",
        ], ["x'ff'", "'text'"])
    func column(name: String, value: String) async throws {
        try await withRuns("UPDATE runs SET \(name) = \(value) WHERE id = 'bad'") { (journal) async throws -> Void in
            let takeover = try await journal.takeOver(.died, "a", "text")
            #expect(takeover.queued.contains("good"))
            #expect(try await journal.observe().map(\.id.text) == ["b"])
            let queued = try await journal.queued(QueueSearch(limit: 10)).map(\.id)
            #expect(queued.sorted() == ["bad", "good"])
            switch try await journal.claim("bad", by: WorkerID("b"), limits: RunLimits()) {
            case .claimed, .damaged: break
            case let claim: Issue.record("\(claim)")
            }
            guard case .claimed = try await journal.claim("good", by: WorkerID("b"), limits: RunLimits()) else {
                Issue.record("the other run cannot be claimed")
                return
            }
            #expect(try await journal.requestCancel("bad", at: 1) == .requested)
            #expect(try await journal.runs(RunFilter()).map(\.id).contains("good"))
        }
    }

    @Test("a run in no state that there is can neither be claimed nor cancelled, and says so")
    func state() async throws {
        for value in ["x'ff'", "'lost'"] {
            try await withRuns("UPDATE runs SET state = \(value) WHERE id = 'bad'") { (journal) async throws -> Void in
                let words = "the journal holds a damaged value: the run bad is in no state that there is"
                let claim = await #expect(throws: JournalError.self) {
                    _ = try await journal.claim("bad", by: WorkerID("b"), limits: RunLimits())
                }
                #expect(claim?.message == words)
                let cancel = await #expect(throws: JournalError.self) {
                    _ = try await journal.requestCancel("bad", at: 1)
                }
                #expect(cancel?.message == words)
            }
        }
    }

    @Test("a run whose epoch is damaged is given back by the worker that has it")
    func epoch() async throws {
        try await withRuns("UPDATE runs SET epoch = x'ff' WHERE id = 'bad'") { (journal) async throws -> Void in
            let leases = try await journal.leases(of: WorkerID("a"))
            #expect(leases.map(\.runID) == ["bad", "good"])
            #expect(try await journal.release(leases, .stopped) == ["bad", "good"])
        }
    }

    @Test(
        "events, definitions, workers and what triggers remember: an error in words, or the rest",
        arguments: ["x'ff'", "'text'"])
    func others(value: String) async throws {
        try await withRuns(
            """
            UPDATE events SET events = \(value) WHERE run_id = 'bad';
            UPDATE workers SET pid = \(value), beat = \(value) WHERE id = 'a';
            INSERT INTO definitions (hash, pipeline, file, text) VALUES ('h', 'p', \(value), x'ff');
            INSERT INTO trigger_memory (pipeline, "trigger", key, value) VALUES ('p', 't', 'k', \(value)), ('p', 't', 'l', '1');
            """
        ) { (journal) async throws -> Void in
            for read: () async throws -> Void in [
                { _ = try await journal.workers() }, { _ = try await journal.definition("h") },
            ] {
                let error = await #expect(throws: JournalError.self) { try await read() }
                #expect(error?.code == .corrupt)
            }
            let events = try? await journal.events(of: "bad", from: 0, limit: 10)
            #expect(events.map(\.count) ?? 0 == 0)
            #expect(try await journal.events(of: "good", from: 0, limit: 10).count == 1)
            #expect(try await journal.observe().map(\.id.text) == ["a", "b"])
            #expect(try await journal.beat(WorkerID("a")) != nil)
            let memory = journal.memory(of: TriggerID(pipeline: "p", key: "t"))
            #expect(try await memory.values(prefix: "").map(\.key) == ["l"])
        }
    }
}
