import Foundation
import GRDB
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

@Suite("The write-ahead log") struct CheckpointTests {
    private func size(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }

    /// Accepts a run whose input takes about 50 pages.
    private func accept(_ id: String, in journal: SQLiteJournal) async throws {
        var run = newRun(id)
        run.input = .string(String(repeating: id, count: 200_000 / id.utf8.count))
        #expect(try await journal.accept(run, memory: nil) == .accepted)
    }

    @Test("is copied into the database once it is long, and gives its space back when asked")
    func long() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let log = folder + "/.runnel/journal.db-wal"
            for number in 0..<80 { try await accept("r\(number + 100)", in: journal) }
            // 80 inputs are 16 MB; it begins anew after about 4.
            #expect(try size(log) < 8_000_000)
            #expect(try size(log) > 1_000_000)
            await journal.committer.shrinkLog()
            #expect(try size(log) < 50_000)
            #expect(try await journal.runs(RunFilter(limit: 100)).count == 80)
            await journal.close()
        }
    }

    @Test("has no text of a run any more that retention has removed, while others have the journal open")
    func removed() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let directory = folder + "/.runnel"
            let (journal, other) = (
                try SQLiteJournal.open(directory: directory), try SQLiteJournal.open(directory: directory)
            )
            let worker = workerRecord("a")
            try await journal.join(worker)
            var run = newRun("r", owner: worker)
            run.input = "personal data"
            _ = try await journal.accept(run, memory: nil)
            try await journal.commit(
                RunCommit(lease: journal.lease("r"), end: RunCommit.End(state: .succeeded, time: 1)), .durable)
            func holdsText() throws -> Bool {
                try ["/journal.db", "/journal.db-wal"].contains { name in
                    let bytes = try #require(FileManager.default.contents(atPath: directory + name))
                    return bytes.range(of: Data("personal data".utf8)) != nil
                }
            }
            #expect(try holdsText())
            #expect(try await journal.prune(Retention(age: .zero), now: 2).runs == 1)
            #expect(try !holdsText())
            for journal in [journal, other] { await journal.close() }
        }
    }

    @Test("is copied while nobody else can write, so that nobody begins it anew meanwhile")
    func exclusive() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let path = folder + "/.runnel/journal.db"
            var configuration = JournalFile.configuration
            configuration.busyMode = .immediateError
            let holder = try DatabaseQueue(path: path, configuration: configuration)
            let other = try DatabaseQueue(path: path, configuration: configuration)
            let checkpointer = Checkpointer(pool: journal.pool, holder: holder)
            try await accept("r1", in: journal)
            let before = try size(path)
            try await other.writeWithoutTransaction { db in
                try db.execute(sql: "BEGIN IMMEDIATE")
                let error = #expect(throws: DatabaseError.self) { try checkpointer.checkpoint() }
                #expect(error?.resultCode == .SQLITE_BUSY)
                try db.execute(sql: "ROLLBACK")
            }
            #expect(try size(path) == before)
            try checkpointer.checkpoint()
            #expect(try size(path) > before + 150_000)
            await journal.close()
            try holder.close()
            try other.close()
            withExtendedLifetime(checkpointer) {}
        }
    }

    @Test("is never copied by SQLite itself")
    func automatic() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let ask: @Sendable (Database) throws -> Int? = { try Int.fetchOne($0, sql: "PRAGMA wal_autocheckpoint") }
            #expect(try await journal.pool.read(ask) == 0)
            #expect(try await journal.pool.writeWithoutTransaction(ask) == 0)
            await journal.close()
        }
    }
}
