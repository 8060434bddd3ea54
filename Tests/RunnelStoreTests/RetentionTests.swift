import GRDB
import LibC
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import RunnelStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

private final class Removal: Sendable {
    let isOver = Mutex(false)
}

@Suite("What retention keeps") struct RetentionTests {
    private static let second: Int64 = 1_000_000_000

    /// Accepts a run and ends it, with one step.
    private func end(
        _ id: String, _ state: RunState = .succeeded, pipeline: String = "p", at time: Int64, dedupeKey: String? = nil,
        output: Value? = nil,
        in journal: any Journal, as worker: WorkerRecord
    ) async throws {
        _ = try await journal.accept(newRun(id, pipeline: pipeline, owner: worker, dedupeKey: dedupeKey), memory: nil)
        let end = RunCommit.End(state: state, time: time)
        try await journal.commit(
            RunCommit(lease: journal.lease(id), steps: [step("s", output: output)], end: end), .durable)
    }

    @Test(
        "an event is recognised after its run was removed, for as long as dedupe keys are kept",
        arguments: JournalKind.allCases)
    func dedupe(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            try await end("r1", at: Self.second, dedupeKey: "k", in: journal, as: a)
            let retention = Retention(count: 0, dedupe: .seconds(60))
            #expect(try await journal.prune(retention, now: 2 * Self.second).runs == 1)
            #expect(try await other.run("r1") == nil)
            #expect(try await other.accept(newRun("r2", dedupeKey: "k"), memory: nil) == .duplicate(runID: "r1"))
            _ = try await journal.prune(retention, now: 60 * Self.second)
            #expect(try await other.accept(newRun("r3", dedupeKey: "k"), memory: nil) == .duplicate(runID: "r1"))
            _ = try await journal.prune(retention, now: 62 * Self.second)
            #expect(try await other.accept(newRun("r4", dedupeKey: "k"), memory: nil) == .accepted)
        }
    }

    @Test(
        "an event may start a new run after its run failed, which is a retry of it, also when the first was removed",
        arguments: JournalKind.allCases)
    func redelivery(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            func again(_ id: String) -> RunRecord {
                var run = newRun(id, dedupeKey: "k")
                run.retriesFailed = true
                return run
            }
            let a = workerRecord("a")
            try await journal.join(a)
            try await end("r1", .failed, at: Self.second, dedupeKey: "k", in: journal, as: a)
            #expect(try await other.accept(newRun("r2", dedupeKey: "k"), memory: nil) == .duplicate(runID: "r1"))
            #expect(try await other.accept(again("r3"), memory: nil) == .accepted)
            #expect(try await other.run("r3")?.retryOf == "r1")
            #expect(try await other.run("r1")?.dedupeKey == nil)
            #expect(try await other.accept(again("r4"), memory: nil) == .duplicate(runID: "r3"))
            _ = try await other.requestCancel("r3", at: 2 * Self.second)
            let retention = Retention(count: 0, dedupe: .seconds(60))
            #expect(try await journal.prune(retention, now: 3 * Self.second).runs == 2)
            #expect(try await other.accept(newRun("r5", dedupeKey: "k"), memory: nil) == .duplicate(runID: "r3"))
            #expect(try await other.accept(again("r6"), memory: nil) == .accepted)
            #expect(try await other.run("r6")?.retryOf == "r3")
        }
    }

    @Test(
        "a retry is kept beyond all limits until its trigger was notified of its end, for at most 30 days",
        arguments: JournalKind.allCases)
    func due(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            var retry = newRun("r2")
            (retry.retryOf, retry.source) = ("r1", ["payload": [:], "input": "a", "state": ["place": "failed/a"]])
            _ = try await journal.accept(retry, memory: nil)
            _ = try await journal.requestCancel("r2", at: Self.second)
            let now = 60 * Self.second
            for retention in [Retention(count: 0), Retention(age: .seconds(1)), Retention(bytes: 1)] {
                #expect(try await other.prune(retention, now: now).runs == 0)
            }
            #expect(try await other.endedRetries(after: "", limit: 9) == ["r2"])
            try await journal.relocate("r2", to: ["payload": [:], "input": "a"], isDue: false)
            #expect(try await other.prune(Retention(count: 0), now: now).runs == 1)
            // The machine of this retry never comes back.
            retry.id = "r3"
            _ = try await journal.accept(retry, memory: nil)
            _ = try await journal.requestCancel("r3", at: Self.second)
            let month = 30 * 86_400 * Self.second
            #expect(try await other.prune(Retention(count: 0), now: month).runs == 0)
            for retention in [Retention(), Retention(age: .seconds(40 * 86_400))] {
                #expect(try await other.prune(retention, now: month + Self.second).runs == 0)
            }
            #expect(try await other.prune(Retention(age: .seconds(1)), now: month + Self.second).runs == 1)
            #expect(try await other.endedRetries(after: "", limit: 9).isEmpty)
        }
    }

    @Test("the newest of each pipeline stay, by their end", arguments: JournalKind.allCases)
    func counts(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let a = workerRecord("a")
            try await journal.join(a)
            for number in 0..<5 {
                try await end("p\(number)", at: Int64(10 - number), in: journal, as: a)
                try await end("q\(number)", pipeline: "q", at: 5, in: journal, as: a)
            }
            #expect(try await journal.prune(Retention(count: 2), now: 100).runs == 6)
            #expect(try await journal.runs(RunFilter()).map(\.id) == ["q4", "q3", "p1", "p0"])
        }
    }

    @Test("beyond the bound of bytes the oldest runs of all pipelines go, and their files with them")
    func bytes() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            let rounds = 40
            for number in 0..<rounds {
                let large = Value.string("\(number)" + String(repeating: "x", count: 400_000))
                let small = Value.string("\(number)" + String(repeating: "y", count: 100_000))
                try await end("f\(number + 100)", pipeline: "f", at: Int64(number), output: large, in: journal, as: a)
                try await end("d\(number + 100)", pipeline: "d", at: Int64(number), output: small, in: journal, as: a)
            }
            try Self.age(folder + "/.runnel/outputs")
            let bound: Int64 = 8 << 20
            let report = try await journal.prune(Retention(bytes: bound), now: 100 * Self.second)
            #expect(report.runs > 0)
            #expect(try Self.size(folder + "/.runnel") <= bound)
            // Both pipelines lost the same, and no more than was needed.
            let left = try await journal.runs(RunFilter(limit: 1000)).map(\.id)
            #expect(left.count > 10)
            #expect(abs(left.count { $0.hasPrefix("f") } - left.count { $0.hasPrefix("d") }) <= 20)
            #expect(left.contains("f139") && left.contains("d139"))
            #expect(try await journal.check() == [])
            #expect(try await journal.steps(of: "f139").first?.output?.asString?.utf8.count == 400_002)
            #expect(try await journal.prune(Retention(bytes: bound), now: 100 * Self.second).runs == 0)
            await journal.close()
        }
    }

    @Test("a run whose end nobody can have heard of yet stays, however large the journal is")
    func youngest() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            try await end("r", at: 95 * Self.second, in: journal, as: a)
            #expect(try await journal.prune(Retention(bytes: 1), now: 100 * Self.second).runs == 0)
            #expect(try await journal.prune(Retention(bytes: 1), now: 106 * Self.second).runs == 1)
            await journal.close()
        }
    }

    @Test("others write while much is removed, and a removal that is cancelled goes on the next time")
    func smallSteps() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let other = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2000 {
                    group.addTask { try await end("r\(number)", at: Int64(number), in: journal, as: a) }
                }
                try await group.waitForAll()
            }
            let limited = try await journal.prune(Retention(count: 0), now: 0, within: .zero)
            #expect(limited.runs == 0)
            let removal = Removal()
            let written = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    _ = try await journal.prune(Retention(count: 0), now: 0)
                    removal.isOver.withLock { $0 = true }
                    return 0
                }
                group.addTask {
                    var written = 0
                    while !removal.isOver.withLock(\.self) {
                        _ = try await other.accept(newRun("new\(written)"), memory: nil)
                        written += 1
                    }
                    return written
                }
                return try await group.reduce(0, +)
            }
            // One that had to wait for the whole removal would be the only one.
            #expect(written > 2)
            #expect(try await journal.runs(RunFilter(limit: 10_000)).count == written)
            await journal.close()
            await other.close()
        }
    }

    @Test("a run with more large values than one turn can list is still removed")
    func manyFiles() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            try await end("r", at: 1, in: journal, as: a)
            try await journal.pool.write { db in
                try db.execute(
                    sql: """
                        WITH RECURSIVE all_steps (number) AS (
                            SELECT 1 UNION ALL SELECT number + 1 FROM all_steps WHERE number < 60000
                        )
                        INSERT INTO files (run_id, step, name, hash)
                        SELECT 'r', number, 'output', randomblob(32) FROM all_steps
                        """)
            }
            let report = try await journal.prune(Retention(count: 0), now: Self.second, within: .seconds(10))
            #expect(report.runs == 1)
            await journal.close()
        }
    }

    @Test("the definition that the next run of a pipeline names stays when all its runs are gone")
    func definitions() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            for hash in ["old", "new"] {
                try await journal.keep(DefinitionRecord(hash: hash, pipeline: "p", file: "p.yaml", text: hash))
                try await end(hash, at: 1, in: journal, as: a)
            }
            try await journal.pool.write {
                try $0.execute(sql: "UPDATE definitions SET kept_at = 7 WHERE hash = 'old'")
            }
            let future: Int64 = 4_000_000_000 * Self.second
            #expect(try await journal.prune(Retention(count: 0), now: future).runs == 2)
            #expect(try await journal.definition("old") == nil)
            #expect(try await journal.definition("new")?.text == "new")
            await journal.close()
        }
    }

    @Test("what a killed process left is removed, and what a living one writes is not")
    func abandoned() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let outputs = folder + "/.runnel/outputs"
            let (dead, alive) = (outputs + "/.1-2", outputs + "/.3-4")
            for path in [dead, alive] { try Data(repeating: 7, count: 1000).write(to: URL(fileURLWithPath: path)) }
            let orphan = outputs + "/" + String(repeating: "ab", count: 32)
            let young = outputs + "/" + String(repeating: "cd", count: 32)
            for path in [orphan, young] { try Data(repeating: 7, count: 1000).write(to: URL(fileURLWithPath: path)) }
            Self.age(file: orphan)
            let writer = try #require(try FileLock(path: alive, waits: false))
            let (lock, held) = (folder + "/.runnel/workers/dead.lock", folder + "/.runnel/workers/held.lock")
            let worker = try #require(try FileLock(path: held, waits: false))
            #expect(FileManager.default.createFile(atPath: lock, contents: nil))
            for path in [lock, held] { Self.age(file: path) }
            _ = try await journal.prune(Retention(), now: 0)
            let left = [dead, alive, orphan, young, lock, held].filter { FileManager.default.fileExists(atPath: $0) }
            #expect(left == [alive, young, held])
            writer.unlock()
            worker.unlock()
            _ = try await journal.prune(Retention(), now: 0)
            #expect(!FileManager.default.fileExists(atPath: alive))
            await journal.close()
        }
    }

    @Test("retention leaves a dead worker's lock file to those who take its runs over, so that its death counts")
    func deathBeforeRetention() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await journal.join(workerRecord("a"))
            journal.locks.forget(WorkerID("a"))
            Self.age(file: folder + "/.runnel/workers/a.lock")
            _ = try await journal.prune(Retention(), now: 0)
            #expect(try await journal.observe().map(\.presence) == [.died])
            await journal.close()
        }
    }

    @Test("a file that was removed before its row is written fails that write")
    func vanished() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let files = OutputFiles(directory: folder)
            let stored = try files.store(.string(String(repeating: "z", count: 300_000)))
            guard case .file(let hash)? = stored else {
                Issue.record("the value is not in a file")
                return
            }
            try files.require([hash])
            try files.discard(hash)
            let error = #expect(throws: JournalError.self) { try files.require([hash]) }
            #expect(
                error?.message
                    == "the file \(files.path(of: hash)) was removed before the run that it belongs to was written")
        }
    }

    @Test("files are known for every column that names one, also for those of an older journal")
    func naming() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            func large(_ letter: String) -> Value { .string(String(repeating: letter, count: 300_000)) }
            func named() async throws -> Int { try await journal.pool.read { try SQLiteJournal.namedFiles($0).count } }
            var run = newRun("r", owner: a)
            run.input = large("i")
            _ = try await journal.accept(run, memory: nil)
            #expect(try await named() == 1)
            try await journal.commit(
                RunCommit(lease: journal.lease("r"), steps: [step("s", output: large("o"))]), .durable)
            #expect(try await named() == 2)
            // What a step replaces is needed no longer.
            try await journal.commit(
                RunCommit(lease: journal.lease("r"), steps: [step("s", output: large("p"))]), .durable)
            #expect(try await named() == 2)
            try await journal.commit(
                RunCommit(
                    lease: journal.lease("r"), steps: [],
                    end: RunCommit.End(state: .succeeded, output: large("q"), time: 1)), .durable)
            #expect(try await named() == 3)
            #expect(try await journal.prune(Retention(count: 0), now: 0).runs == 1)
            #expect(try await named() == 0)
            await journal.close()
        }
    }

    /// As if the files had been written an hour ago.
    private static func age(_ folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) { age(file: folder + "/" + name) }
    }

    private static func age(file path: String) {
        let past = time(nil) - 3600
        let times = [timeval(tv_sec: past, tv_usec: 0), timeval(tv_sec: past, tv_usec: 0)]
        utimes(path, times)
    }

    private static func size(_ folder: String) throws -> Int64 {
        var size: Int64 = 0
        for name in ["journal.db", "journal.db-wal"] { size += FileSystem.facts("\(folder)/\(name)")?.size ?? 0 }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/outputs") {
            size += FileSystem.facts("\(folder)/outputs/\(name)")?.size ?? 0
        }
        return size
    }
}
