import GRDB
import LibC
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Copies of journals") struct JournalCopyTests {
    private static let large = Value.string(String(repeating: "large\u{0}", count: 60_000))

    /// A journal with something in every table.
    private func fill(_ journal: any Journal) async throws {
        let worker = workerRecord("a")
        try await journal.keep(DefinitionRecord(hash: "d", pipeline: "p", file: "p.yaml", text: "steps: []"))
        try await journal.join(worker)
        for number in 0..<5 {
            var run = newRun("e\(number)", owner: worker, dedupeKey: "k\(number)")
            run.priority = number - 2
            if number == 3 { run.trigger = ["type": "webhook", "body": Self.large] }
            _ = try await journal.accept(run, memory: nil)
            var commit = RunCommit(
                lease: try await journal.lease(run.id),
                steps: [step("one", output: .int(Int64(number))), step("two", output: number == 2 ? Self.large : nil)],
                events: ["first", "second"])
            commit.memories = [
                StepMemoryEdit(uses: "chat", change: .append("c", "x", limit: 9, keep: .seconds(99)), at: 0)
            ]
            commit.beginsFinally = number == 4
            commit.end = RunCommit.End(
                state: number == 1 ? .failed : .succeeded, output: Self.large, time: Int64(number + 1))
            commit.usage = [
                UsageEntry(
                    pipeline: "p", step: ExecutionKey("one"), at: 5,
                    usage: UsageRecord(
                        agent: "a", model: nil, inputTokens: 1, outputTokens: 2, cachedTokens: nil, estimatedInput: 3,
                        estimatedOutput: 4))
            ]
            try await journal.commit(commit, .durable)
        }
        var folding = newRun("f", dedupeKey: "fold1")
        (folding.state, folding.wakeAt) = (.waiting, 50)
        folding.debounce = Debounce(key: "burst", latest: 100, event: "one")
        _ = try await journal.accept(folding, memory: nil)
        (folding.id, folding.dedupeKey) = ("g", "fold2")
        folding.debounce = Debounce(key: "burst", latest: 100, event: "two")
        _ = try await journal.accept(folding, memory: nil)
        var queued = newRun("q", dedupeKey: "q")
        queued.priority = 3
        _ = try await journal.accept(queued, memory: nil)
        try await journal.memory(of: TriggerID(pipeline: "p", key: "watch")).set(["file": [1, 2]])
        try await journal.memory(of: .signOuts).set(["cookie a": 9])
        try await journal.operators.append(AuditEntry(time: 1, caller: "c", origin: "o", action: "a", subject: "s"))
        try await journal.operators.setSeen(by: "me", until: 7)
        try await journal.operators.setTrigger(TriggerID(pipeline: "p", key: "watch"), isEnabled: false)
        try await journal.deliveries.append([
            DeliveryRecord(
                time: 8, pipeline: "p", trigger: "webhook", method: "POST", path: "/hooks/h", outcome: .accepted,
                status: 202, runID: "r1", size: 3, isWhole: true, request: ["headers": []], body: [0, 1, 2])
        ])
        _ = try await journal.prune(Retention(count: 4), now: 10)
        try await journal.leave(worker.id)
    }

    /// What can be seen of a journal.
    private func picture(_ journal: any Journal) async throws -> [String] {
        var lines: [String] = []
        for listed in try await journal.runs(RunFilter(limit: 100)) {
            let run = try #require(try await journal.run(listed.id))
            lines.append("\(run)")
            for step in try await journal.steps(of: run.id) { lines.append("\(step)") }
            for event in try await journal.events(of: run.id, from: 0, limit: 99) { lines.append("\(event)") }
        }
        lines.append("\(try await journal.ends(after: 0, limit: 99))")
        lines.append("\(try await journal.usage(UsageQuery(since: 0)))")
        lines.append("\(try await journal.memory(of: "chat", key: "c", at: 1))")
        lines.append(
            "\(try await journal.memory(of: TriggerID(pipeline: "p", key: "watch")).value(for: "file") ?? .null)")
        lines.append("\(try await journal.memory(of: .signOuts).values(prefix: ""))")
        lines.append("\(try await journal.operators.audit(before: nil, limit: 9))")
        lines.append("\(try await journal.deliveries.delivery(1).map { "\($0)" } ?? "none")")
        lines.append("\(try await journal.operators.hours(since: 0))")
        lines.append("\(try await journal.operators.seen(by: "me") ?? 0)")
        lines.append("\(try await journal.operators.disabledTriggers())")
        lines.append("\(try await journal.definition("d").map { "\($0)" } ?? "none")")
        return lines
    }

    @Test(
        "a copy to PostgreSQL and back is the journal that it was, and no event starts a second run",
        .enabled(if: hasPostgres))
    func thereAndBack() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let first = try SQLiteJournal.open(directory: folder + "/first")
            try await fill(first)
            let database = try PostgresJournal.open(try await PostgresServer.shared.value.configuration())
            let counts = try await JournalCopy(from: first, to: database).run { _, _ in }
            #expect(counts.allSatisfy { $0.source == $0.target }, "\(counts)")
            #expect(try await picture(database) == picture(first))
            #expect(try await database.check() == [])
            let last = try SQLiteJournal.open(directory: folder + "/last")
            let back = try await JournalCopy(from: database, to: last).run { _, _ in }
            #expect(back.allSatisfy { $0.source == $0.target }, "\(back)")
            #expect(try await picture(last) == picture(first))
            #expect(try await last.check() == [])
            for journal in [database as any Journal, last] {
                for key in ["k0", "k1", "k4", "fold1", "fold2", "q"] {
                    guard
                        case .duplicate = try await journal.accept(newRun("again-\(key)", dedupeKey: key), memory: nil)
                    else { Issue.record("\(key) starts a second run"); continue }
                }
                try await journal.join(workerRecord("b"))
                guard case .claimed(let run) = try await journal.claim("q", by: WorkerID("b"), limits: RunLimits())
                else {
                    Issue.record("the run was not claimed"); continue
                }
                // A checkpoint may skip one.
                #expect(run.epoch > 5)
                try await journal.commit(
                    RunCommit(lease: try #require(run.lease), end: RunCommit.End(state: .succeeded, time: 9)), .durable)
                #expect(try await journal.lastEnd() == 6)
            }
            let error = await #expect(throws: JournalError.self) {
                try await JournalCopy(from: first, to: database).run { _, _ in }
            }
            #expect(error?.message.hasPrefix("the journal to be copied to is in use: ") == true)
            for journal in [first as any Journal, database, last] { await journal.close() }
        }
    }

    @Test("the runs of a copied journal stay bound to the machine that may have their files", .enabled(if: hasPostgres))
    func hosts() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let source = try SQLiteJournal.open(directory: folder + "/first")
            for id in ["r1", "r2"] { _ = try await source.accept(newRun(id), memory: nil) }
            _ = try await source.requestCancel("r2", at: 1)
            let server = try await PostgresServer.shared.value
            let first = try PostgresJournal.open(server.configuration())
            let second = try PostgresJournal.open(server.configuration())
            let last = try SQLiteJournal.open(directory: folder + "/last")
            _ = try await JournalCopy(from: source, to: first, host: "disk").run { _, _ in }
            _ = try await JournalCopy(from: first, to: second, host: "other").run { _, _ in }
            _ = try await JournalCopy(from: second, to: last, host: "other").run { _, _ in }
            for journal in [first, second] {
                for id in ["r1", "r2"] { #expect(try await journal.run(id)?.host == "disk") }
                // The machine has not started Runnel yet, and another one has.
                #expect(try await journal.queued(QueueSearch(limit: 9, host: "other")).isEmpty)
                #expect(try await journal.queued(QueueSearch(limit: 9, host: "disk")).map(\.id) == ["r1"])
                try await journal.join(
                    WorkerRecord(id: WorkerID("w"), processID: 1, host: "disk", role: "serve", startedAt: 0))
                #expect(try await journal.queued(QueueSearch(limit: 9, host: "other")).isEmpty)
                #expect(try await journal.queued(QueueSearch(limit: 9, host: "disk")).map(\.id) == ["r1"])
            }
            #expect(try await last.run("r1")?.host == nil)
            for journal in [source as any Journal, first, second, last] { await journal.close() }
        }
    }

    @Test("a copy that was cut off goes on where it was", .enabled(if: hasPostgres))
    func resumed() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let source = try SQLiteJournal.open(directory: folder + "/first")
            for number in 0..<450 { _ = try await source.accept(newRun("r\(number + 1000)"), memory: nil) }
            let database = try PostgresJournal.open(try await PostgresServer.shared.value.configuration())
            // As after the first page.
            try await database.noteCopy(at: JournalCopy(from: source, to: database).sourceState())
            let page = try await source.page(of: .runs, after: nil, limit: 200, bytes: .max)
            try await database.write(page, of: .runs, position: [.text("r1199")])
            let copied = Copied()
            let counts = try await JournalCopy(from: source, to: database).run { table, rows in
                if table == "runs" { copied.set(rows) }
            }
            #expect(copied.rows == 250)
            #expect(counts.last == JournalCopy.Count(table: "runs", source: 450, target: 450))
            #expect(try await database.queuedCount() == 450)
            let error = await #expect(throws: JournalError.self) {
                try await JournalCopy(from: source, to: database).run { _, _ in }
            }
            #expect(error?.message == "the journal to be copied to is not empty: it has 450 runs")
            await source.close()
            await database.close()
        }
    }

    @Test(
        "a page ends before its values are too large, and a larger row is alone in one",
        arguments: JournalKind.allCases.filter { $0 != .memory })
    func largeRows(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let source = try #require(journal as? any CopyingJournal)
            // Text in the row, and in a file or a blob.
            for (id, count) in [("r1", 300_000), ("r2", 5_000), ("r3", 300_000), ("r4", 700_000), ("r5", 5_000)] {
                var run = newRun(id)
                run.input = .string(String(repeating: "x", count: count))
                _ = try await source.accept(run, memory: nil)
            }
            var pages: [[String]] = []
            while true {
                let position = pages.last?.last.map { [CopiedCell.text($0)] }
                let rows = try await source.page(of: .runs, after: position, limit: 200, bytes: 400_000)
                if rows.isEmpty { break }
                pages.append(rows.compactMap { $0.first?.text })
            }
            #expect(pages == [["r1", "r2"], ["r3"], ["r4"], ["r5"]])
            // Whatever fits, by rows.
            #expect(try await source.page(of: .runs, after: nil, limit: 3, bytes: .max).count == 3)
        }
    }

    @Test("a partial copy is not continued after the source was used", arguments: [false, true])
    func usedMeanwhile(hasStarted: Bool) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let source = try SQLiteJournal.open(directory: folder + "/first")
            let target = try SQLiteJournal.open(directory: folder + "/second")
            let trigger = TriggerID(pipeline: "p", key: "watch")
            try await source.memory(of: trigger).set(["seen": 1])
            for id in ["r1", "r2"] { _ = try await source.accept(newRun(id), memory: nil) }
            let copy = try JournalCopy(from: source, to: target)
            try await target.noteCopy(at: copy.sourceState())
            if hasStarted {
                let page = try await source.page(of: .triggerMemory, after: nil, limit: 1, bytes: .max)
                try await target.write(
                    page, of: .triggerMemory, position: [.text("p"), .text("watch"), .text("seen")])
            }
            try await source.memory(of: trigger).set(["seen": 2])
            if hasStarted {
                let error = await #expect(throws: JournalError.self) { try await copy.run { _, _ in } }
                #expect(
                    error?.message
                        == "the journal to be copied from was used since the copy began: the copy would mix two states of it"
                )
            } else {
                // Nothing was copied yet.
                #expect(try await copy.run { _, _ in }.allSatisfy { $0.source == $0.target })
                #expect(try await target.memory(of: trigger).value(for: "seen") == 2)
            }
            for journal in [source, target] { await journal.close() }
        }
    }

    @Test(
        "a copy keeps keys of any characters, a page at a time",
        arguments: JournalKind.allCases.filter { $0 != .memory })
    func keys(kind: JournalKind) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let source = try SQLiteJournal.open(directory: folder + "/first")
            let last = try SQLiteJournal.open(directory: folder + "/last")
            let trigger = TriggerID(pipeline: "p", key: "watch")
            let keys = anyKeys + (0..<250).map { "many\u{0}\($0)" }
            var values: [String: Value?] = [:]
            for key in keys { values[key] = .some(1) }
            try await source.memory(of: trigger).set(values)
            let worker = workerRecord("w")
            try await source.join(worker)
            _ = try await source.accept(newRun("r", owner: worker), memory: nil)
            var commit = RunCommit(lease: try await source.lease("r"))
            commit.memories = anyKeys.map {
                StepMemoryEdit(uses: "chat", change: .set($0, .string($0), keep: .seconds(99)), at: 0)
            }
            try await source.commit(commit, .durable)
            try await source.leave(worker.id)
            for (index, key) in anyKeys.enumerated() {
                _ = try await source.accept(newRun("r\(index)", dedupeKey: key), memory: nil)
            }
            try await kind.withTwo { (middle, _) async throws -> Void in
                for (from, to) in [(source as any Journal, middle), (middle, last as any Journal)] {
                    let counts = try await JournalCopy(from: from, to: to).run { _, _ in }
                    #expect(counts.allSatisfy { $0.source == $0.target }, "\(counts)")
                    #expect(Set(try await to.memory(of: trigger).values(prefix: "").map(\.key)) == Set(keys))
                    for key in anyKeys {
                        #expect(try await to.memory(of: "chat", key: key, at: 1).value == .string(key))
                    }
                    for (index, key) in anyKeys.enumerated() {
                        #expect(try await to.run("r\(index)")?.dedupeKey == key)
                        #expect(
                            try await to.accept(newRun("x", dedupeKey: key), memory: nil)
                                == .duplicate(runID: "r\(index)"))
                    }
                }
            }
            await source.close()
            await last.close()
        }
    }

    @Test("a backup that was made while a worker had a run is copied, and the run is queued in the copy")
    func copiedBackup() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            let worker = workerRecord("a")
            try await journal.join(worker)
            _ = try await journal.accept(newRun("r", owner: worker), memory: nil)
            try await JournalBackup.write(journal, to: folder + "/backup")
            let source = try SQLiteJournal.open(directory: folder + "/backup")
            let target = try SQLiteJournal.open(directory: folder + "/copy")
            let counts = try await JournalCopy(from: source, to: target).run { _, _ in }
            #expect(counts.allSatisfy { $0.source == $0.target }, "\(counts)")
            #expect(try await target.run("r")?.state == .queued)
            for journal in [journal, source, target] { await journal.close() }
        }
    }

    @Test("a backup is made while the journal is in use, and is restored with its large values")
    func backup() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            try await fill(journal)
            let before = try await picture(journal)
            #expect(try await JournalBackup.write(journal, to: folder + "/backup").runs == 6)
            _ = try await journal.accept(newRun("later"), memory: nil)
            var error = await #expect(throws: JournalError.self) {
                try await JournalBackup.write(journal, to: folder + "/backup")
            }
            #expect(error?.message == "the folder \(folder)/backup exists already")
            try await journal.join(workerRecord("b"))
            error = await #expect(throws: JournalError.self) {
                try await JournalBackup.restore(folder + "/backup", to: folder + "/.runnel", replaces: true)
            }
            #expect(error?.code == .busy)
            try await journal.leave(WorkerID("b"))
            await journal.close()
            error = await #expect(throws: JournalError.self) {
                try await JournalBackup.restore(folder + "/backup", to: folder + "/.runnel", replaces: false)
            }
            #expect(error?.message == "there is a journal already: \(folder)/.runnel/journal.db")
            try await JournalBackup.restore(folder + "/backup", to: folder + "/.runnel", replaces: true)
            try await JournalBackup.restore(folder + "/backup", to: folder + "/other", replaces: false)
            for directory in ["/.runnel", "/other"] {
                let restored = try SQLiteJournal.open(directory: folder + directory)
                #expect(try await picture(restored) == before)
                #expect(try await restored.check() == [])
                await restored.close()
            }
        }
    }
}

/// What a backup is restored in the place of.
@Suite("Restored backups") struct RestoreTests {
    private func withBackup(_ body: (_ folder: String, _ journal: SQLiteJournal) async throws -> Void) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            _ = try await journal.accept(newRun("r"), memory: nil)
            try await JournalBackup.write(journal, to: folder + "/backup")
            _ = try await journal.accept(newRun("later"), memory: nil)
            try await body(folder, journal)
            let restored = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await restored.runs(RunFilter()).map(\.id) == ["r"])
            #expect(try await restored.check() == [])
            await restored.close()
        }
    }

    @Test("the log that is left of a removed journal is not applied to the backup", arguments: [false, true])
    func leftOverLog(replaces: Bool) async throws {
        try await withBackup { folder, journal in
            let path = folder + "/.runnel/journal.db"
            let log = try #require(FileManager.default.contents(atPath: path + "-wal"))
            await journal.close()
            try FileManager.default.removeItem(atPath: path)
            #expect(FileManager.default.createFile(atPath: path + "-wal", contents: log))
            let restored = try await JournalBackup.restore(
                folder + "/backup", to: folder + "/.runnel", replaces: replaces)
            #expect(restored == JournalBackup.Restoration(replaced: nil, openRuns: 1, lostValues: 0))
            #expect(FileManager.default.contents(atPath: path + ".left-over-wal") == log)
        }
    }

    @Test("a backup has no write-ahead log; what a process that opened it wrote there is restored as well")
    func logOfBackup() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let journal = try SQLiteJournal.open(directory: folder + "/.runnel")
            _ = try await journal.accept(newRun("r"), memory: nil)
            try await JournalBackup.write(journal, to: folder + "/backup")
            await journal.close()
            let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/backup")
            #expect(names.sorted() == ["journal.db", "outputs"])
            // Closed only after the restore: closing checkpoints the write-ahead log.
            let opened = try SQLiteJournal.open(directory: folder + "/backup")
            _ = try await opened.accept(newRun("later"), memory: nil)
            try await JournalBackup.restore(folder + "/backup", to: folder + "/.runnel", replaces: true)
            await opened.close()
            let restored = try SQLiteJournal.open(directory: folder + "/.runnel")
            #expect(try await restored.runs(RunFilter()).map(\.id).sorted() == ["later", "r"])
            #expect(try await restored.check() == [])
            await restored.close()
        }
    }

    @Test("symbolic links at the places that a restore writes to are not followed")
    func links() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let (target, backup) = (folder + "/.runnel", folder + "/backup")
            let journal = try SQLiteJournal.open(directory: target)
            try await acceptLarge("r", in: journal)
            try await JournalBackup.write(journal, to: backup)
            await journal.close()
            let value = try #require(try largeValue(in: backup).split(separator: "/").last)
            try FileManager.default.removeItem(atPath: target)
            try FileManager.default.createDirectory(atPath: target + "/outputs", withIntermediateDirectories: true)
            let links = [
                "journal.db.restored", ".journal.db.restored.new", "outputs/\(value)", "outputs/.\(value).new",
                ".gitignore",
            ]
            for (number, link) in links.enumerated() {
                let file = "\(folder)/outside\(number)"
                if link != ".gitignore" {
                    #expect(FileManager.default.createFile(atPath: file, contents: Data("mine".utf8)))
                }
                try FileManager.default.createSymbolicLink(atPath: "\(target)/\(link)", withDestinationPath: file)
            }
            try await JournalBackup.restore(backup, to: target, replaces: false)
            for number in 0..<4 {
                #expect(FileManager.default.contents(atPath: "\(folder)/outside\(number)") == Data("mine".utf8))
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/outside4"))
            let restored = try SQLiteJournal.open(directory: target)
            #expect(try await restored.runs(RunFilter()).map(\.id) == ["r"])
            #expect(try await restored.check() == [])
            await restored.close()
        }
    }

    /// Replaces a large value by a named pipe, so that copying it blocks.
    private func makePipe(_ path: String) throws {
        try FileManager.default.removeItem(atPath: path)
        #expect(mkfifo(path, 0o600) == 0)
    }

    /// Waits for a reader of the pipe, calls `body`, and closes the pipe, so that the reader gets the end of the file.
    private func whileReading(_ path: String, _ body: () async throws -> Void) async throws {
        var pipe: CInt = -1
        let isRead = await eventually {
            pipe = open(path, O_WRONLY | O_NONBLOCK)
            return pipe >= 0
        }
        try #require(isRead)
        defer { close(pipe) }
        try await body()
    }

    /// The path of the only large value of a journal or a backup.
    private func largeValue(in directory: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory + "/outputs")
        try #require(names.count == 1)
        return "\(directory)/outputs/\(names[0])"
    }

    private func acceptLarge(_ id: String, in journal: SQLiteJournal) async throws {
        var run = newRun(id)
        run.input = .string(String(repeating: "x", count: 300_000))
        _ = try await journal.accept(run, memory: nil)
    }

    @Test("no process can open the journal during a restore")
    func exclusion() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let directory = folder + "/.runnel"
            let journal = try SQLiteJournal.open(directory: directory)
            try await acceptLarge("r", in: journal)
            try await JournalBackup.write(journal, to: folder + "/backup")
            await journal.close()
            try FileManager.default.removeItem(atPath: largeValue(in: directory))
            let pipe = try largeValue(in: folder + "/backup")
            try makePipe(pipe)
            let restore = Task {
                try await JournalBackup.restore(folder + "/backup", to: directory, replaces: true)
            }
            try await whileReading(pipe) {
                #expect(try FileLock(path: directory + "/open.lock", waits: false) == nil)
                // The partial file is hidden, so that retention removes it if the process is killed here.
                let isHidden = try await eventually {
                    try FileManager.default.contentsOfDirectory(atPath: directory + "/outputs").count {
                        $0.hasPrefix(".")
                    } == 1
                }
                #expect(isHidden)
            }
            // The end of the pipe comes before the bytes of the value.
            #expect(
                try await restore.value
                    == JournalBackup.Restoration(replaced: directory + "/before-restore", openRuns: 1, lostValues: 1))
        }
    }

    @Test("an unfinished backup has no `journal.db`, and a failed one leaves no files")
    func unfinished() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let (directory, target) = (folder + "/.runnel", folder + "/backup")
            let journal = try SQLiteJournal.open(directory: directory)
            try await acceptLarge("r", in: journal)
            let value = try largeValue(in: directory)
            try makePipe(value)
            let backup = Task { try await JournalBackup.write(journal, to: target) }
            try await whileReading(value) {
                #expect(!FileManager.default.fileExists(atPath: target + "/journal.db"))
            }
            #expect(try await backup.value == JournalBackup.Report(runs: 1, lostValues: 1))
            #expect(FileManager.default.fileExists(atPath: target + "/journal.db"))
            try FileManager.default.removeItem(atPath: target)
            try FileManager.default.removeItem(atPath: value)
            try FileManager.default.createDirectory(atPath: value, withIntermediateDirectories: false)
            let error = await #expect(throws: JournalError.self) {
                try await JournalBackup.write(journal, to: target)
            }
            #expect(error?.message == "\(value): Is a directory")
            #expect(!FileManager.default.fileExists(atPath: target))
            await journal.close()
        }
    }

    @Test("a damaged backup, one of a newer version and another database are refused, and nothing is replaced")
    func unusable() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let (directory, backup) = (folder + "/.runnel", folder + "/backup")
            let path = backup + "/journal.db"
            let journal = try SQLiteJournal.open(directory: directory)
            _ = try await journal.accept(newRun("r"), memory: nil)
            try await JournalBackup.write(journal, to: backup)
            await journal.close()
            let whole = try #require(FileManager.default.contents(atPath: path))
            var damaged = whole
            damaged.replaceSubrange(4 * 4096..<5 * 4096, with: repeatElement(0xFF, count: 4096))
            func refusal(_ content: Data, _ statement: String? = nil) async throws -> String? {
                #expect(FileManager.default.createFile(atPath: path, contents: content))
                if let statement {
                    let queue = try DatabaseQueue(path: path)
                    try await queue.write { db in try db.execute(sql: statement) }
                    try queue.close()
                }
                let error = await #expect(throws: JournalError.self) {
                    try await JournalBackup.restore(backup, to: directory, replaces: true)
                }
                return error?.message
            }
            #expect(try await refusal(damaged)?.hasPrefix("the backup \(backup) is damaged: ") == true)
            #expect(
                try await refusal(Data(repeating: 7, count: 8192))
                    == "the backup \(backup) is damaged: file is not a database")
            #expect(
                try await refusal(whole, "INSERT INTO grdb_migrations (identifier) VALUES ('99-future')")
                    == "the backup \(backup) was written by a newer version of Runnel")
            #expect(try await refusal(Data(), "CREATE TABLE other (a)") == "\(path) is no journal of Runnel")
            let left = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(!left.contains { $0.contains("restore") }, "\(left)")
            let kept = try SQLiteJournal.open(directory: directory)
            #expect(try await kept.runs(RunFilter()).map(\.id) == ["r"])
            await kept.close()
        }
    }

    @Test("only its owner can read a backup; one without large values is restored without their folder")
    func bareBackup() async throws {
        try await withBackup { folder, journal in
            await journal.close()
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/backup/journal.db")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            try FileManager.default.removeItem(atPath: folder + "/backup/outputs")
            try await JournalBackup.restore(folder + "/backup", to: folder + "/.runnel", replaces: true)
        }
    }

    @Test("a journal that has lost a large value is backed up without the value, and the report counts it")
    func lostValue() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let directory = folder + "/.runnel"
            let journal = try SQLiteJournal.open(directory: directory)
            try await acceptLarge("r", in: journal)
            try FileManager.default.removeItem(atPath: largeValue(in: directory))
            let report = try await JournalBackup.write(journal, to: folder + "/backup")
            #expect(report == JournalBackup.Report(runs: 1, lostValues: 1))
            await journal.close()
            let restored = try await JournalBackup.restore(folder + "/backup", to: folder + "/other", replaces: false)
            #expect(restored == JournalBackup.Restoration(replaced: nil, openRuns: 1, lostValues: 1))
        }
    }

    private func damage(_ path: String) {
        #expect(FileManager.default.createFile(atPath: path, contents: Data("damaged".utf8)))
    }

    @Test("a large value that is damaged in the backup replaces no sound one, and is counted where there is none")
    func damagedValue() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let (directory, backup) = (folder + "/.runnel", folder + "/backup")
            let journal = try SQLiteJournal.open(directory: directory)
            try await acceptLarge("r", in: journal)
            try await JournalBackup.write(journal, to: backup)
            try damage(largeValue(in: backup))
            await journal.close()
            #expect(try await JournalBackup.restore(backup, to: directory, replaces: true).lostValues == 0)
            let sound = try SQLiteJournal.open(directory: directory)
            #expect(try await sound.check() == [])
            try damage(largeValue(in: directory))
            #expect(try await sound.check() == [.value(runID: "r")])
            #expect(try await JournalBackup.write(sound, to: folder + "/second").lostValues == 1)
            await sound.close()
            #expect(try await JournalBackup.restore(backup, to: folder + "/other", replaces: false).lostValues == 1)
            let other = try SQLiteJournal.open(directory: folder + "/other")
            #expect(try await other.check() == [.value(runID: "r")])
            await other.close()
        }
    }

    @Test("a replaced journal is restored again with its large values, also after retention has removed their files")
    func replacedJournal() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let directory = folder + "/.runnel"
            let journal = try SQLiteJournal.open(directory: directory)
            try await JournalBackup.write(journal, to: folder + "/backup")
            try await acceptLarge("r", in: journal)
            let value = try largeValue(in: directory)
            await journal.close()
            let first = try await JournalBackup.restore(folder + "/backup", to: directory, replaces: true)
            #expect(
                first == JournalBackup.Restoration(replaced: directory + "/before-restore", openRuns: 0, lostValues: 0))
            // As retention does once the file is old enough.
            try FileManager.default.removeItem(atPath: value)
            let second = try await JournalBackup.restore(directory + "/before-restore", to: directory, replaces: true)
            #expect(
                second
                    == JournalBackup.Restoration(replaced: directory + "/before-restore-2", openRuns: 1, lostValues: 0))
            let restored = try SQLiteJournal.open(directory: directory)
            #expect(try await restored.run("r")?.input.asString?.count == 300_000)
            #expect(try await restored.check() == [])
            await restored.close()
        }
    }

    @Test("a restore that fails leaves the journal as it was")
    func failing() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let directory = folder + "/.runnel"
            let journal = try SQLiteJournal.open(directory: directory)
            try await JournalBackup.write(journal, to: folder + "/backup")
            try await acceptLarge("r", in: journal)
            await journal.close()
            // Cannot be unlinked.
            let blocker = directory + "/journal.db-shm"
            try? FileManager.default.removeItem(atPath: blocker)
            try FileManager.default.createDirectory(atPath: blocker, withIntermediateDirectories: false)
            await #expect(throws: JournalError.self) {
                try await JournalBackup.restore(folder + "/backup", to: directory, replaces: true)
            }
            try FileManager.default.removeItem(atPath: blocker)
            let left = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(!left.contains { $0.contains("restore") }, "\(left)")
            let kept = try SQLiteJournal.open(directory: directory)
            #expect(try await kept.runs(RunFilter()).map(\.id) == ["r"])
            #expect(try await kept.check() == [])
            await kept.close()
        }
    }

    @Test("a journal whose restore was interrupted is not created anew; restoring it again completes it")
    func interrupted() async throws {
        try await withBackup { folder, journal in
            await journal.close()
            let (directory, backup) = (folder + "/.runnel", folder + "/backup")
            let path = directory + "/journal.db"
            try FileManager.default.moveItem(atPath: path, toPath: path + ".restored")
            #expect(JournalBackup.isInterrupted(in: directory))
            func refusal() -> String? {
                #expect(throws: JournalError.self) { try SQLiteJournal.open(directory: directory) }?.message
            }
            #expect(refusal() == "a restore of the journal \(path) was interrupted")
            let database = try #require(FileManager.default.contents(atPath: backup + "/journal.db"))
            damage(backup + "/journal.db")
            await #expect(throws: JournalError.self) {
                try await JournalBackup.restore(backup, to: directory, replaces: true)
            }
            #expect(refusal() == "a restore of the journal \(path) was interrupted")
            #expect(FileManager.default.createFile(atPath: backup + "/journal.db", contents: database))
            try await JournalBackup.restore(backup, to: directory, replaces: false)
            #expect(!JournalBackup.isInterrupted(in: directory))
        }
    }

    @Test("a journal of a newer version, or a damaged one, is replaced without being opened", arguments: [true, false])
    func unopened(isNewer: Bool) async throws {
        try await withBackup { folder, journal in
            let path = folder + "/.runnel/journal.db"
            if isNewer {
                try await journal.pool.write { db in
                    try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99-future')")
                }
            }
            await journal.close()
            if !isNewer {
                for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
                #expect(FileManager.default.createFile(atPath: path, contents: Data(repeating: 7, count: 8192)))
            }
            let restored = try await JournalBackup.restore(folder + "/backup", to: folder + "/.runnel", replaces: true)
            #expect(restored.replaced == folder + "/.runnel/before-restore")
        }
    }
}

/// The number of rows that a copy reports.
private final class Copied: Sendable {
    private let count = Mutex(0)
    var rows: Int { count.withLock(\.self) }
    func set(_ rows: Int) { count.withLock { $0 = rows } }
}
