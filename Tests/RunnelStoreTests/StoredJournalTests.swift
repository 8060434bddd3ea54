import Foundation
import GRDB
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The format of the journal on disk: what is written today has to be read by every later version.
@Suite("The journal's stored format") struct StoredJournalTests {
    private static let resources =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        + "/Resources"

    @Test("has the tables, columns and indices that it had")
    func schema() async throws {
        try await withTemporaryDirectory { folder in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let lines = try await journal.pool.read { db in
                let migrations = try String.fetchAll(
                    db, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
                let objects = try String.fetchAll(
                    db, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
                let sql = objects.flatMap { $0.split(separator: "\n").map { String($0.drop { $0 == " " }) } }
                return migrations.map { "-- \($0)" } + sql.filter { !$0.isEmpty && !$0.hasPrefix("-- In ") }
            }
            await journal.close()
            let changes = try Snapshot.changes(lines, since: "\(Self.resources)/schema.sql")
            #expect(
                changes == [],
                "stored journals rely on this; after adding a migration, run it with RUNNEL_WRITE_SNAPSHOTS=1")
        }
    }

    @Test("holds the body of a webhook once, and gives back what was stored", arguments: 0..<5)
    func body(number: Int) async throws {
        let long = String(repeating: "a \"b\" ", count: 150_000)
        let json: Value = ["id": 1, "text": .string(String(repeating: "x", count: 1_000_000))]
        let (body, raw): (Value, Value) = [
            (.string(long), .string(long)), (json, .string("  " + json.json())),
            (.bytes([UInt8](repeating: 0xFF, count: 1 << 20)), .bytes([UInt8](repeating: 0xFF, count: 1 << 20))),
            (["a": "short"], "{\"a\": \"short\"}"), (json, .string("another " + long)),
        ][number]
        try await withTemporaryDirectory { folder in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            var run = newRun("r")
            run.trigger = ["type": "webhook", "body": body, "raw": raw, "\u{F8FE}x": "y"]
            run.input = body
            _ = try await journal.accept(run, memory: nil)
            let stored = try #require(try await journal.run("r"))
            #expect(stored.trigger == run.trigger)
            #expect(stored.trigger.asObject?.map(\.key) == run.trigger.asObject?.map(\.key))
            #expect(stored.input == run.input)
            await journal.close()
            let files = FileManager.default.enumerator(atPath: folder + "/.runnel")?.allObjects as? [String] ?? []
            let size = files.filter { $0.hasPrefix("outputs/") }.reduce(0) { sum, file in
                let facts = try? FileManager.default.attributesOfItem(atPath: folder + "/.runnel/" + file)
                return sum + (facts?[.size] as? Int ?? 0)
            }
            // Escaped quotes and base64 take their share.
            if number < 4 { #expect(size < 1_600_000) }
        }
    }

    @Test("the sums of what calls have used hold those that an older version has written")
    func usageSums() async throws {
        try await withTemporaryDirectory { folder in
            let directory = folder + "/.runnel"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            let old = try DatabaseQueue(path: directory + "/journal.db")
            try JournalSchema.migrator.migrate(old, upTo: "15-priority")
            try await old.write { db in
                for number in 1...3 {
                    let input: Int? = number == 3 ? nil : 10
                    try db.execute(
                        sql: """
                            INSERT INTO usage (at, pipeline, run_id, step, agent, model, input_tokens, output_tokens,
                                cached_tokens, estimated_input, estimated_output)
                            VALUES (?, 'p', 'r', 'ask', 'a', NULL, ?, 20, NULL, 7, 9)
                            """, arguments: [number, input])
                }
            }
            try old.close()
            let journal = try SQLiteJournal.open(directory: directory)
            var expected = UsageTotal()
            (expected.calls, expected.unknownCalls, expected.unknownCachedCalls) = (3, 1, 3)
            (expected.inputTokens, expected.outputTokens) = (20, 40)
            (expected.estimatedInput, expected.estimatedOutput) = (7, 20)
            #expect(try await journal.usage(UsageQuery(since: 0)).map(\.total) == [expected])
            await journal.close()
        }
    }

    /// Resources/journal-4 was written by Runnel before the migration `5-workers`: four runs in the foreground, then a
    /// server that was killed while it worked on one run and had another in its queue.
    private func withStored(_ body: (SQLiteJournal) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.copyItem(atPath: Self.resources + "/journal-4", toPath: folder + "/.runnel")
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            do {
                try await body(journal)
            } catch {
                await journal.close()
                throw error
            }
            await journal.close()
        }
    }

    @Test("a stored journal is refused where it must not be migrated, and nothing of it changes")
    func looking() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let directory = folder + "/.runnel"
            try FileManager.default.copyItem(atPath: Self.resources + "/journal-4", toPath: directory)
            let path = directory + "/journal.db"
            let before = FileManager.default.contents(atPath: path)
            let error = #expect(throws: JournalError.self) {
                _ = try SQLiteJournal.open(directory: directory, migrates: false)
            }
            #expect(error?.code == .older)
            #expect(error?.message == "the journal \(path) was written by an older version of Runnel")
            #expect(FileManager.default.contents(atPath: path) == before)
            #expect(!FileManager.default.fileExists(atPath: directory + "/workers"))
            try await SQLiteJournal.open(directory: directory).close()
            let journal = try SQLiteJournal.open(directory: directory, migrates: false)
            #expect(try await journal.run(Self.greet)?.state == .succeeded)
            await journal.close()
        }
    }

    private static let greet = "01a219b9-5103-776d-9f2d-fdac7fb01fa9"
    private static let large = "01a219b9-514b-7614-8e5b-5d4171109451"
    private static let broken = "01a219b9-517e-79e4-94a8-7428fc3b7044"
    private static let sealed = "01a219b9-51a3-7e8f-a079-23efd9187e47"
    private static let waiting = "01a219b9-5236-7e5c-8c18-30c4c29fae94"
    private static let queued = "01a219b9-5240-7cd1-8ed2-2c272a2bacf6"

    @Test("a stored journal opens, and shows its runs, steps, events and large outputs")
    func reading() async throws {
        try await withStored { journal in
            #expect(try await journal.check() == [])
            let runs = try await journal.runs(RunFilter())
            #expect(
                runs.map { "\($0.pipeline) \($0.state.rawValue)" } == [
                    "slow queued", "slow waiting", "sealed succeeded", "broken failed", "large succeeded",
                    "greet succeeded",
                ])
            #expect(runs.allSatisfy { $0.priority == 0 })
            let greet = try #require(try await journal.run(Self.greet))
            #expect(greet.inputs == ["who": "Ada"])
            #expect(greet.trigger == ["type": "manual"])
            #expect(greet.output == ["Hello Ada. 1", "Hello Ada. 2.0", "Hello Ada. three"])
            let definition = try #require(try await journal.definition(greet.definition))
            #expect(definition.file == "greet.yaml")
            #expect(definition.text.hasPrefix("name: greet\ninputs:\n"))
            let steps = try await journal.steps(of: Self.greet)
            #expect(
                Set(steps.map { "\($0.key) \($0.uses) \($0.state.rawValue)" }) == [
                    "hello template succeeded", "loud template succeeded", "loud[0] template succeeded",
                    "loud[1] template succeeded", "loud[2] template succeeded",
                ])
            let events = try await journal.events(of: Self.greet, from: 0, limit: 100)
            #expect(events.map(\.number) == Array(0..<events.count))
            #expect(events.contains { $0.event["event"] == "step-succeeded" && $0.event["step"] == "hello" })

            let large = Value.string(String(repeating: "x", count: 270_000))
            #expect(try await journal.run(Self.large)?.output == large)
            #expect(try await journal.steps(of: Self.large).first?.output == large)
            let broken = try #require(try await journal.run(Self.broken))
            #expect(broken.error?["code"] == "file-not-found")
            #expect(broken.error?["step"] == "gone")
            let seal = SecretSeal(secrets: ["key": "s3cr3t/value"])
            let output = try #require(try await journal.run(Self.sealed)?.output)
            #expect(output != "Bearer s3cr3t/value!")
            #expect(seal.unseal(output) == "Bearer s3cr3t/value!")
        }
    }

    @Test(
        "what a stored journal has not finished goes on: dedupe keys hold, a queued run is claimed, a waiting one wakes"
    )
    func working() async throws {
        try await withStored { journal in
            #expect(try await journal.workers().map(\.role) == ["serve"])
            let waiting = try #require(try await journal.run(Self.waiting))
            #expect(waiting.dedupeKey == "api:key-1")
            var again = newRun("again", pipeline: "slow", dedupeKey: "api:key-1")
            again.definition = waiting.definition
            #expect(try await journal.accept(again, memory: nil) == .duplicate(runID: Self.waiting))

            let worker = workerRecord("new")
            try await journal.join(worker)
            let claim = try await journal.claim(Self.queued, by: worker.id, limits: RunLimits())
            guard case .claimed = claim else {
                Issue.record("\(claim)")
                return
            }
            #expect(try await journal.wake(at: .max).woken == [Self.waiting])
            #expect(try await journal.run(Self.waiting)?.state == .queued)
            let kept = try await journal.steps(of: Self.waiting).first { "\($0.key)" == "first" }
            #expect(kept?.output == "kept")
            let lease = try await journal.lease(Self.queued)
            try await journal.commit(
                RunCommit(
                    lease: lease, steps: [step("first", output: "kept")],
                    end: RunCommit.End(state: .succeeded, output: 1, time: 9)), .durable)
            #expect(try await journal.run(Self.queued)?.output == 1)
        }
    }
}
