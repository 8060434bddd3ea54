import GRDB
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

@Suite("The priority of runs", .timeLimit(.minutes(5))) struct PriorityTests {
    private static let minute: Int64 = 60_000_000_000

    private static func run(
        _ id: String, _ priority: Int, at minutes: Int64, pipeline: String = "p", owner: WorkerRecord? = nil
    ) -> RunRecord {
        var run = newRun(id, pipeline: pipeline, owner: owner, createdAt: WorkerRig.start + minutes * minute)
        run.priority = priority
        return run
    }

    private static func order(_ journal: any Journal) async throws -> [String] {
        try await journal.queued(limit: 99).map(\.id)
    }

    @Test(
        "the oldest queued run of the highest priority comes first, after those that had begun",
        arguments: JournalKind.allCases)
    func order(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let worker = workerRecord("a")
            try await journal.join(worker)
            for run in [
                Self.run("a", -10, at: 0), Self.run("b", 0, at: 0), Self.run("c", 10, at: 5),
                Self.run("d", 0, at: 1), Self.run("e", 10, at: 4), Self.run("f", 1, at: 6),
                Self.run("begun-2", -10, at: 0, owner: worker), Self.run("begun-1", 3, at: 8, owner: worker),
            ] {
                _ = try await journal.accept(run, memory: nil)
            }
            _ = try await journal.release(try await journal.leases(of: worker.id), .stopped)
            #expect(try await Self.order(other) == ["begun-1", "begun-2", "e", "c", "f", "b", "d", "a"])
            #expect(try await other.queued(QueueSearch(limit: 3)).map(\.id) == ["begun-1", "begun-2", "e"])
        }
    }

    @Test(
        "a run that waits rises by one level every ten minutes, so that a later one of a higher priority does not pass it",
        arguments: JournalKind.allCases)
    func aging(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            _ = try await journal.accept(Self.run("low", -10, at: 0), memory: nil)
            for (id, priority, minutes) in [
                ("x1", 10, 199), ("x2", 10, 201), ("y1", -9, 9), ("y2", -9, 11), ("z1", 0, 99), ("z2", 0, 101),
            ] as [(String, Int, Int64)] {
                _ = try await other.accept(Self.run(id, priority, at: minutes), memory: nil)
            }
            let order = try await Self.order(journal)
            #expect(Set(order.prefix { $0 != "low" }) == ["x1", "y1", "z1"])
            #expect(order.count == 7)
        }
    }

    @Test("a run keeps its priority through a death of its worker and its end", arguments: JournalKind.allCases)
    func kept(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            for name in ["a", "b"] { try await journal.join(workerRecord(name)) }
            _ = try await journal.accept(Self.run("r", -4, at: 0, owner: workerRecord("a")), memory: nil)
            #expect(try await journal.takeOver(.died, "a").queued == ["r"])
            #expect(try await other.run("r")?.priority == -4)
            guard case .claimed(let run) = try await other.claim("r", by: WorkerID("b"), limits: RunLimits()) else {
                Issue.record("it was not claimed")
                return
            }
            #expect(run.priority == -4)
            try await other.commit(
                RunCommit(lease: journal.lease("r"), end: RunCommit.End(state: .failed, time: 9)), .durable)
            #expect(try await journal.progress(of: "r")?.priority == -4)
            #expect(try await journal.runs(RunFilter()).map(\.priority) == [-4])
            #expect(try await journal.runs(RunFilter(states: [.failed])).map(\.priority) == [-4])
        }
    }

    private static func yaml(_ name: String, _ priority: Int, _ more: String = "") -> String {
        "name: \(name)\npriority: \(priority)\n\(more)steps: [ { uses: effect } ]"
    }

    /// The runs in the order in which they were claimed.
    private static func claimed(_ journal: any Journal) async throws -> [String] {
        try await journal.runs(RunFilter()).sorted { $0.epoch < $1.epoch }.map(\.id)
    }

    @Test(
        "a worker takes runs in this order, and a stream of urgent ones starves none", arguments: JournalKind.allCases)
    func working(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal, limit: 1)
            try await rig.enqueue("low", Self.yaml("low", -1), waitingFor: .seconds(3600))
            for number in 0..<6 {
                // One every ten minutes: the first came with the one of low priority.
                try await rig.enqueue(
                    "urgent-\(number)", Self.yaml("urgent", 2), waitingFor: .seconds(3600 - 600 * number + 1))
            }
            try await rig.serve { () async throws -> Void in
                #expect(try await pass(until: .succeeded, of: "urgent-5", on: rig))
            }
            #expect(
                try await Self.claimed(journal) == [
                    "urgent-0", "urgent-1", "urgent-2", "urgent-3", "low", "urgent-4", "urgent-5",
                ])
        }
    }

    @Test(
        "the last place within `runs.total` is that of the first in the queue, whether its pipeline has a limit or not",
        arguments: JournalKind.allCases)
    func total(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal, total: 1)
            try await rig.enqueue("last", Self.yaml("limited", -5, "concurrency: { limit: 1 }\n"))
            try await rig.enqueue("third", Self.yaml("free", 0))
            try await rig.enqueue("second", Self.yaml("limited", 4, "concurrency: { limit: 1 }\n"))
            try await rig.enqueue("first", Self.yaml("free", 5))
            try await rig.serve { () async throws -> Void in
                #expect(try await pass(until: .succeeded, of: "last", on: rig))
            }
            #expect(try await Self.claimed(journal) == ["first", "second", "third", "last"])
        }
    }

    @Test("a retry has the priority of its run, and another run that of the pipeline", arguments: JournalKind.allCases)
    func retry(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(Self.yaml("p", 2))
            let first = rig.runs.makeRun(RunRequest(id: "r1"), of: pipeline, priority: -6)
            #expect(try await rig.runs.start(first) == .accepted)
            _ = try await journal.requestCancel("r1", at: 1)
            let old = try #require(try await journal.run("r1"))
            #expect(old.priority == -6)
            #expect(try await rig.runs.makeRetry(of: old, with: pipeline).record.priority == -6)
            #expect(rig.runs.makeRun(RunRequest(id: "r2"), of: pipeline).record.priority == 2)
            #expect(rig.runs.makeRun(RunRequest(id: "r3"), of: pipeline, priority: 0).record.priority == 0)
        }
    }

    @Test("SQLite finds the first of many queued runs by an index, without sorting")
    func index() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let plan = try await journal.pool.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        EXPLAIN QUERY PLAN SELECT id FROM runs WHERE state = 'queued' AND deaths >= 0 AND deaths < 3
                        ORDER BY \(SQLiteJournal.queueOrder) LIMIT 1
                        """
                ).map { $0["detail"] as String }
            }
            await journal.close()
            #expect(plan == ["SCAN runs USING INDEX runs_queued"])
        }
    }
}
