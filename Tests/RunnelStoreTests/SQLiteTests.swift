import GRDB
import LibC
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

@Suite("The journal on disk") struct SQLiteTests {
    @Test("what was acknowledged is there after the file is opened again")
    func reopening() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            _ = try await journal.accept(newRun("r1"), memory: nil)
            await journal.close()
            let again = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await again.run("r1")?.input == ["text": "in"])
            await again.close()
        }
    }

    @Test("nobody else can read it, and it stays out of version control")
    func permissions() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            func mode(_ name: String) throws -> Int? {
                try FileManager.default.attributesOfItem(atPath: folder + name)[.posixPermissions] as? Int
            }
            #expect(try mode("/.runnel") == 0o700)
            #expect(try mode("/.runnel/journal.db") == 0o600)
            #expect(FileManager.default.contents(atPath: folder + "/.runnel/.gitignore") == Data("*\n".utf8))
            await journal.close()
        }
    }

    @Test("a run whose steps cannot be taken over is not accepted either")
    func takingOver() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await journal.pool.write { db in
                try db.execute(
                    sql: """
                        CREATE TRIGGER fault BEFORE INSERT ON steps WHEN NEW.key = 'two'
                        BEGIN SELECT RAISE(ABORT, 'the disk fails here'); END
                        """)
            }
            let memory = MemoryChanges(trigger: TriggerID(pipeline: "p", key: "k"), values: ["seen": 1])
            let error = await #expect(throws: JournalError.self) {
                try await journal.accept(newRun("r2"), steps: [step("one"), step("two")], memory: memory)
            }
            #expect(error?.message.contains("the disk fails here") == true)
            #expect(try await journal.run("r2") == nil)
            #expect(try await journal.steps(of: "r2").isEmpty)
            #expect(try await journal.memory(of: memory.trigger).value(for: "seen") == nil)
            try await journal.pool.write { try $0.execute(sql: "DROP TRIGGER fault") }
            let steps = [step("one"), step("two")]
            #expect(try await journal.accept(newRun("r2"), steps: steps, memory: memory) == .accepted)
            #expect(try await journal.steps(of: "r2") == steps)
            await journal.close()
        }
    }

    @Test("failing to store a pipeline is an error, so that no run is accepted without its pipeline")
    func definitions() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await journal.pool.write { db in
                try db.execute(
                    sql: """
                        CREATE TRIGGER fault BEFORE INSERT ON definitions
                        BEGIN SELECT RAISE(ABORT, 'the disk fails here'); END
                        """)
            }
            let definition = DefinitionRecord(hash: "h", pipeline: "p", file: "p.yaml", text: "steps: []")
            await #expect(throws: JournalError.self) { try await journal.keep(definition) }
            try await journal.pool.write { try $0.execute(sql: "DROP TRIGGER fault") }
            try await journal.keep(definition)
            #expect(try await journal.definition("h") == definition)
            await journal.close()
        }
    }

    @Test("after a failed commit of a run, the next one fails too, so that no earlier step is missing")
    func consecutive() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            let lease = try await journal.lease("r")
            let full = JournalError(.full, "there is no space left")
            let (files, progress) = (journal.files, journal.progress)
            let commit = try StoredCommit(RunCommit(lease: lease, steps: [step("two")]), files, isSmall: true)
            // As if a commit before this one had failed in the same transaction, and both were repeated one by one.
            progress.withLock { $0.fail(lease, full) }
            let error = await #expect(throws: JournalError.self) {
                try await journal.committer.write { try SQLiteJournal.write(commit, files, progress, $0) }
            }
            #expect(error?.message == full.message)
            #expect(try await journal.steps(of: "r").isEmpty)
            await journal.close()
        }
    }

    @Test("a large output is one file however often it comes, and goes with its last run")
    func largeOutputs() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            let large = Value.string(String(repeating: "x", count: 300_000))
            for id in ["r1", "r2"] {
                _ = try await journal.accept(newRun(id, owner: a), memory: nil)
                let end = RunCommit.End(state: .succeeded, output: large, time: 1)
                try await journal.commit(
                    RunCommit(lease: journal.lease(id), steps: [step("s", output: large)], end: end), .durable)
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/.runnel/outputs")
            #expect(files.count == 1)
            #expect(try await journal.steps(of: "r2").first?.output == large)
            #expect(try await journal.run("r1")?.output == large)
            let path = folder + "/.runnel/outputs/" + files[0]
            #expect(FileManager.default.createFile(atPath: path, contents: Data("other".utf8)))
            let damaged = try await journal.run("r1")
            #expect(damaged?.lost[.output]?.message == "the file \(path) is damaged, which holds a large value")
            let losses = ["r1", "r2"].map { JournalDamage.value(runID: $0) }
            #expect(try await journal.check() == losses)
            try FileManager.default.removeItem(atPath: path)
            #expect(try await journal.check() == losses)
            await journal.close()
        }
    }

    @Test("a run whose output files are lost is read, with a sentence in place of each lost value")
    func lostFiles() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            func large(_ letter: String) -> Value { .string(String(repeating: letter, count: 300_000)) }
            var begun = newRun("begun")
            (begun.trigger, begun.inputs) = (["type": "webhook", "body": large("b")], ["text": large("i")])
            begun.input = large("b")
            _ = try await journal.accept(begun, memory: nil)
            _ = try await journal.accept(newRun("ended", owner: a), memory: nil)
            let end = RunCommit.End(state: .succeeded, output: large("o"), time: 1)
            try await journal.commit(
                RunCommit(lease: journal.lease("ended"), steps: [step("s", output: large("o"))], end: end), .durable)
            let outputs = folder + "/.runnel/outputs"
            for name in try FileManager.default.contentsOfDirectory(atPath: outputs) {
                try FileManager.default.removeItem(atPath: "\(outputs)/\(name)")
            }
            func isLost(_ value: Value?) -> Bool {
                let words = value?.asString ?? ""
                return words.hasPrefix("this value is lost: the file \(outputs)/")
                    && words.hasSuffix(" is missing, which holds a large value")
            }
            let ended = try #require(try await journal.run("ended"))
            #expect(ended.state == .succeeded && ended.inputs == ["tone": "kind"])
            #expect(isLost(ended.output))
            #expect(ended.loss(of: RunRecord.beginning) == nil)
            let read = try #require(try await journal.steps(of: "ended").first)
            #expect(isLost(read.output) && read.lost?.isOfOneRun == true)
            let lost = try #require(try await journal.run("begun"))
            #expect(isLost(lost.trigger["lost"]) && isLost(lost.inputs["lost"]) && isLost(lost.input))
            guard case .damaged(let lease, let error) = try await journal.claim("begun", by: a.id, limits: RunLimits())
            else {
                Issue.record("a run without its input was claimed")
                return
            }
            #expect(lease.runID == "begun" && error.isOfOneRun)
            #expect(error.hint == "the run cannot be retried without it; put it back from a backup of the journal")
            await journal.close()
        }
    }

    @Test("the file shrinks when runs go, and the write-ahead log stays bounded")
    func shrinking() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            let output = Value.string(String(repeating: "y", count: 20_000))
            for number in 0..<500 {
                _ = try await journal.accept(newRun("r\(number)", owner: a), memory: nil)
                let end = RunCommit.End(state: .succeeded, time: 1)
                try await journal.commit(
                    RunCommit(lease: journal.lease("r\(number)"), steps: [step("s", output: output)], end: end),
                    .durable)
            }
            func size(_ name: String) throws -> Int {
                try FileManager.default.attributesOfItem(atPath: folder + name)[.size] as? Int ?? 0
            }
            #expect(try size("/.runnel/journal.db-wal") < 20 << 20)
            let before = try size("/.runnel/journal.db")
            let report = try await journal.prune(Retention(count: 0), now: 0)
            #expect(report.runs == 500)
            #expect(try size("/.runnel/journal.db") < before / 4)
            #expect(report.bytes > Int64(before / 2))
            await journal.close()
        }
    }

    @Test("an agent whose process has ended is dead at once")
    func deadProcess() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            // A process that dies leaves its row and an open lock.
            let survivor = try SQLiteJournal.open(directory: folder + "/.runnel")
            journal.locks.forget(a.id)
            let policy = TakeoverPolicy(deaths: 3, now: 0)
            #expect(try await survivor.takeOverFromGone(policy) == Takeover(queued: ["r"]))
            #expect(try await survivor.takeOverFromGone(policy) == Takeover())
            #expect(try await survivor.run("r")?.deaths == 1)
            await journal.close()
            await survivor.close()
        }
    }

    @Test("texts of a run that says too much are left out, what became of its steps is not")
    func tooManyEvents() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            _ = try await journal.accept(newRun("r", owner: a), memory: nil)
            let text: Value = ["event": "step-text", "text": .string(String(repeating: "z", count: 1 << 20))]
            for _ in 0..<3 { try await journal.commit(RunCommit(lease: journal.lease("r"), events: [text]), .durable) }
            let end: Value = ["event": "step-succeeded"]
            try await journal.commit(RunCommit(lease: journal.lease("r"), events: [end, text]), .durable)
            #expect(try await journal.events(of: "r", from: 0, limit: 10).map(\.event) == [text, end])
            await journal.close()
        }
    }

    @Test("what is no journal, or a damaged one, is refused in words")
    func corrupt() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            try FileManager.default.createDirectory(atPath: folder + "/.runnel", withIntermediateDirectories: true)
            let path = folder + "/.runnel/journal.db"
            try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: JournalError.self) {
                _ = try SQLiteJournal.open(directory: folder + "/.runnel")
            }
            #expect(error?.code == .corrupt)
            #expect(error?.message == "the journal \(path) is damaged: file is not a database")
            #expect(
                error?.hint
                    == "move it away and Runnel begins a new one; `sqlite3 \(path) .recover` may save what is in it")
        }
    }

    @Test("a journal of a newer version is left alone", arguments: [true, false])
    func newer(migrates: Bool) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await journal.pool.write { db in
                try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99-future')")
            }
            await journal.close()
            let error = #expect(throws: JournalError.self) {
                _ = try SQLiteJournal.open(directory: folder + "/.runnel", migrates: migrates)
            }
            #expect(error?.code == .newer)
            #expect(error?.hint == "use that version, or another folder")
        }
    }

    @Test("nothing changes or removes an entry of the audit log")
    func audit() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await journal.operators.append(
                AuditEntry(time: 1, caller: "ada", origin: "here", action: "retry-run", subject: "r"))
            for statement in ["DELETE FROM audit", "UPDATE audit SET caller = 'bob'"] {
                let error = await #expect(throws: DatabaseError.self) {
                    try await journal.pool.write { try $0.execute(sql: statement) }
                }
                #expect(error?.message == "the audit log is append-only")
            }
            #expect(try await journal.operators.audit(before: nil, limit: 9).map(\.caller) == ["ada"])
            await journal.close()
        }
    }

    @Test("a journal that is removed while it is in use takes nothing any more")
    func removed() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            _ = try await journal.accept(newRun("r1"), memory: nil)
            try FileManager.default.removeItem(atPath: folder + "/.runnel")
            let error = await #expect(throws: JournalError.self) {
                _ = try await journal.accept(newRun("r2"), memory: nil)
            }
            #expect(error?.code == .gone)
            #expect(
                error?.message
                    == "the journal \(folder)/.runnel/journal.db was removed or replaced while it was in use")
            let probe = await #expect(throws: JournalError.self) { try await journal.probe() }
            #expect(probe?.code == .gone)
        }
    }

    @Test(
        "a part of the journal that is removed or replaced while it is in use takes nothing any more, and nothing is lost",
        arguments: ["-wal", "-shm"], [false, true])
    func partRemoved(suffix: String, isReplaced: Bool) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let path = folder + "/.runnel/journal.db"
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            for number in 0..<3 { _ = try await journal.accept(newRun("r\(number)"), memory: nil) }
            try FileManager.default.removeItem(atPath: path + suffix)
            if isReplaced { #expect(FileManager.default.createFile(atPath: path + suffix, contents: nil)) }
            for _ in 0..<2 {
                let error = await #expect(throws: JournalError.self) {
                    _ = try await journal.accept(newRun("late"), memory: nil)
                }
                #expect(error?.code == .gone)
            }
            let probe = await #expect(throws: JournalError.self) { try await journal.probe() }
            #expect(probe?.code == .gone)
            // As after kill -9: the journal is opened without having been closed.
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
            let again = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await again.runs(RunFilter()).map(\.id) == ["r2", "r1", "r0"])
            #expect(try await again.check() == [])
            await again.close()
        }
    }

    /// The write-ahead log of a journal with the run `old`, which is closed.
    private func logOfOldRun(in folder: String) async throws -> Data {
        let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
        _ = try await journal.accept(newRun("old"), memory: nil)
        let log = try #require(FileManager.default.contents(atPath: folder + "/.runnel/journal.db-wal"))
        await journal.close()
        return log
    }

    @Test("the log that is left of a removed journal is not applied to the one that is created in its place")
    func leftOverLog() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let path = folder + "/.runnel/journal.db"
            let log = try await logOfOldRun(in: folder)
            try FileManager.default.removeItem(atPath: path)
            #expect(FileManager.default.createFile(atPath: path + "-wal", contents: log))
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await journal.runs(RunFilter()).isEmpty)
            #expect(try await journal.check() == [])
            #expect(FileManager.default.contents(atPath: path + ".left-over-wal") == log)
            await journal.close()
        }
    }

    @Test("an empty journal file is refused, also when opened without migration, and its write-ahead log is kept")
    func emptied() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let path = folder + "/.runnel/journal.db"
            let log = try await logOfOldRun(in: folder)
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
            #expect(FileManager.default.createFile(atPath: path + "-wal", contents: log))
            for migrates in [true, false] {
                let error = #expect(throws: JournalError.self) {
                    _ = try SQLiteJournal.open(directory: folder + "/.runnel", migrates: migrates)
                }
                #expect(error?.code == .corrupt)
                #expect(error?.message == "the journal \(path) is empty, such as after a full disk or a failed copy")
                #expect(
                    error?.hint
                        == "restore a backup with `runnel journal restore --replace`, or remove the file to begin a new journal"
                )
            }
            #expect(FileManager.default.contents(atPath: path + "-wal") == log)
            try FileManager.default.removeItem(atPath: path)
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await journal.runs(RunFilter()).isEmpty)
            await journal.close()
        }
    }

    @Test("a process that was killed while it made the journal leaves nothing behind that harms the next one")
    func halfMade() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            try FileManager.default.createDirectory(atPath: folder + "/.runnel", withIntermediateDirectories: true)
            for name in ["journal.db.new", "journal.db.new-journal", ".gitignore"] {
                #expect(FileManager.default.createFile(atPath: folder + "/.runnel/" + name, contents: nil))
            }
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await journal.pool.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") } == 2)
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/.runnel/journal.db")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(FileManager.default.contents(atPath: folder + "/.runnel/.gitignore") == Data("*\n".utf8))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/.runnel")
            #expect(!names.contains { $0.hasPrefix("journal.db.new") })
            await journal.close()
        }
    }

    @Test("a probe writes, and fails where the journal could not", .enabled(if: SmallDisk.isPossible))
    func probing() async throws {
        try await SmallDisk.use { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await journal.probe()
            let other = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await other.memory(of: TriggerID(pipeline: "", key: "probe")).value(for: "at") != nil)
            await other.close()
            var size = 1 << 20
            while size > 0 {
                let written = FileManager.default.createFile(
                    atPath: folder + "/fill-\(size)-\(UInt32.random(in: 0...UInt32.max))",
                    contents: Data(repeating: 1, count: size))
                if !written { size /= 2 }
            }
            let full = await #expect(throws: JournalError.self) { try await journal.probe() }
            #expect(full?.code == .full)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix("fill-") {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
            }
            try await journal.probe()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/.runnel/outputs") == [])
            await journal.close()
        }
    }

    @Test("a list holds of a large trigger its type, also when its file is damaged, and a run by itself all of it")
    func listing() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            var run = newRun("r")
            run.trigger = ["type": "webhook", "raw": .string(String(repeating: "x", count: 300_000))]
            _ = try await journal.accept(run, memory: nil)
            #expect(try await journal.runs(RunFilter()).map(\.trigger) == [["type": "webhook"]])
            #expect(try await journal.run("r")?.trigger == run.trigger)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/.runnel/outputs") {
                try FileManager.default.removeItem(atPath: "\(folder)/.runnel/outputs/\(name)")
            }
            #expect(try await journal.runs(RunFilter()).map(\.trigger) == [[:]])
            // Nor does one who follows the run read it.
            #expect(try await journal.progress(of: "r")?.state == .queued)
            await journal.close()
        }
    }

    @Test("a damaged file of the right name is replaced, not counted on", arguments: [true, false])
    func damagedFile(hasSize: Bool) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let files = OutputFiles(directory: folder)
            let value = Value.string(String(repeating: "\"é\n", count: 100_000))
            let stored = try files.store(value)
            guard case .file(let hash)? = stored else {
                Issue.record("the value is not in a file")
                return
            }
            var damaged = try Data(contentsOf: URL(fileURLWithPath: files.path(of: hash)))
            damaged[damaged.count / 2] ^= 1
            #expect(
                FileManager.default.createFile(
                    atPath: files.path(of: hash), contents: hasSize ? damaged : Data()))
            #expect(throws: JournalError.self) { try files.load(stored) }
            #expect(try files.store(value)?.databaseValue == stored?.databaseValue)
            #expect(try files.load(stored) == value)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
        }
    }

    @Test("a folder that cannot be written is said so", .enabled(if: getuid() != 0, "the superuser can write anywhere"))
    func readOnly() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
            let error = #expect(throws: JournalError.self) {
                _ = try SQLiteJournal.open(directory: folder + "/.runnel")
            }
            #expect(error?.code == .readOnly)
            #expect(error?.message == "\(folder)/.runnel cannot be written: Permission denied")
        }
    }

    @Test(
        "a folder or file that cannot be read is said so, with who has to be let in",
        .enabled(if: getuid() != 0, "the superuser can read anything"), arguments: ["", "/journal.db"])
    func unreadable(name: String) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let state = folder + "/.runnel"
            try await SQLiteJournal.open(directory: state).close()
            try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: state + name)
            let error = #expect(throws: JournalError.self) { _ = try SQLiteJournal.open(directory: state) }
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: state + name)
            #expect(error?.message == "the journal \(state)/journal.db cannot be opened: Permission denied")
            #expect(error?.hint == "let the user who runs Runnel enter \(state), and read and write what is in it")
        }
    }

    @Test(
        "a full disk is said so, loses nothing, and is no obstacle once there is room",
        .enabled(if: SmallDisk.isPossible))
    func fullDisk() async throws {
        try await SmallDisk.use { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            var accepted: [String] = []
            var failure: JournalError?
            while failure == nil, accepted.count < 10_000 {
                var run = newRun("r\(accepted.count)")
                run.input = .string(String(repeating: "x", count: 50_000))
                do {
                    _ = try await journal.accept(run, memory: nil)
                    accepted.append(run.id)
                } catch {
                    failure = error as? JournalError ?? JournalError(.failed, "\(error)")
                }
            }
            #expect(failure?.code == .full)
            #expect(failure?.message == "there is no space left to write \(folder)/.runnel/journal.db")
            try FileManager.default.removeItem(atPath: folder + "/ballast")
            _ = try await journal.accept(newRun("late"), memory: nil)
            #expect(Set(try await journal.runs(RunFilter(limit: 20_000)).map(\.id)) == Set(accepted + ["late"]))
            #expect(try await journal.check() == [])
            await journal.close()
        }
    }

    @Test("commits that share the disk with others are each on their own")
    func grouping() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let a = workerRecord("a")
            try await journal.join(a)
            for number in 0..<64 {
                _ = try await journal.accept(
                    newRun("r\(number)", owner: number.isMultiple(of: 3) ? nil : a), memory: nil)
            }
            let failed = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        do {
                            try await journal.commit(
                                RunCommit(
                                    lease: journal.run("r\(number)")?.lease
                                        ?? Lease(runID: "r\(number)", worker: a.id, epoch: 0),
                                    steps: [step("s", output: .int(Int64(number)))]),
                                .durable)
                            return false
                        } catch {
                            return (error as? JournalError)?.code == .leaseLost
                        }
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failed == 22)
            #expect(try await journal.steps(of: "r1").first?.output == 1)
            #expect(try await journal.steps(of: "r3").isEmpty)
            await journal.close()
        }
    }

    @Test(
        "every value comes back exactly",
        arguments: [
            .null, true, 1, 1.0, -0.0, 1e300, .double(.infinity), .double(-.infinity), .int(.max), .int(.min), "",
            "é\u{0}\n",
            .bytes([]), .bytes([0, 1, 255]), ["\u{F8FE}bytes": "AA=="], ["\u{F8FE}": 1], ["b": 1, "a": [.bytes([1])]],
            [[], [:]],
        ] as [Value])
    func values(value: Value) throws {
        let back = try #require(ValueCoding.value(ValueCoding.text(value)))
        #expect(back == value)
        #expect("\(back)" == "\(value)")
    }
}

/// A file system of a few megabytes, where one can be made.
private enum SmallDisk {
    static let isPossible: Bool = {
        guard getuid() == 0, let folder = mount() else { return false }
        unmount(folder)
        return true
    }()

    static func use(_ body: (String) async throws -> Void) async throws {
        let folder = try #require(mount())
        defer { unmount(folder) }
        try Data(repeating: 0, count: 2 << 20).write(to: URL(fileURLWithPath: folder + "/ballast"))
        try await body(folder)
    }

    #if os(Linux)
    private static func mount() -> String? {
        let folder = FileManager.default.temporaryDirectory.path + "/runnel-disk-\(UInt64.random(in: 0...UInt64.max))"
        guard mkdir(folder, 0o700) == 0 else { return nil }
        if LibC.mount("tmpfs", folder, "tmpfs", 0, "size=6m") == 0 { return folder }
        rmdir(folder)
        return nil
    }

    private static func unmount(_ folder: String) {
        umount2(folder, Int32(MNT_DETACH))
        rmdir(folder)
    }
    #else
    private static func mount() -> String? { nil }
    private static func unmount(_ folder: String) {}
    #endif
}
