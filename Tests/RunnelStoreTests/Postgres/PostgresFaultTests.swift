import Dispatch
import PostgresClient
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import RunnelStore

/// What only several machines and a database that fails can do.
@Suite("A journal in PostgreSQL survives", .enabled(if: hasPostgres), .timeLimit(.minutes(5)))
struct PostgresFaultTests {
    private final class Done: Sendable {
        let count = Atomic(0)
    }

    private final class Outcomes: Sendable {
        private let names = Mutex<[String]>([])
        var succeeded: [String] { names.withLock(\.self) }

        func add(_ name: String, _ outcome: Result<any Sendable, JournalError>) {
            if case .success = outcome { names.withLock { $0.append(name) } }
        }
    }

    /// Accepts runs with dedupe keys by two journals, while something happens to the database.
    private func accept(
        _ count: Int, in journals: [PostgresJournal], while fault: @escaping @Sendable (Int) async throws -> Void
    ) async throws {
        let done = Done()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<8 {
                group.addTask { () async throws -> Void in
                    for number in stride(from: lane, to: count, by: 8) {
                        let run = newRun("r\(number)", dedupeKey: "k\(number)")
                        #expect(try await journals[number % journals.count].accept(run, memory: nil) == .accepted)
                        done.count.add(1, ordering: .relaxed)
                    }
                }
            }
            group.addTask { () async throws -> Void in
                var round = 0
                while done.count.load(ordering: .relaxed) < count {
                    try await fault(round)
                    round += 1
                }
            }
            try await group.waitForAll()
        }
        let runs = try await journals[0].runs(RunFilter(limit: count * 2))
        #expect(runs.count == count)
        #expect(try await journals[0].queuedCount() == count)
        #expect(try await journals[0].check() == [])
    }

    @Test("sessions that are terminated again and again: every accepted event is one run")
    func terminated() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration()
        configuration.host = "terminated"
        let journals = [try PostgresJournal.open(configuration), try PostgresJournal.open(configuration)]
        try await accept(400, in: journals) { _ in
            try server.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'runnel terminated'")
            try await Task.sleep(for: .milliseconds(30))
        }
        for journal in journals { await journal.close() }
    }

    @Test("a server that restarts, and one that crashes")
    func restarted() async throws {
        try await withPostgres { (server) async throws -> Void in
            let configuration = server.configuration()
            let journals = [try PostgresJournal.open(configuration), try PostgresJournal.open(configuration)]
            try await accept(2000, in: journals) { round in
                if round < 4 { try await server.tell(round.isMultiple(of: 2) ? "restart" : "crash") }
                try await Task.sleep(for: .milliseconds(100))
            }
            for journal in journals { await journal.close() }
        }
    }

    @Test(
        "a connection that is cut at a COMMIT: what was committed is not repeated, and what was not is",
        arguments: [[CuttingProxy.Cut.answer], [.request], [.answer, .request, .answer, .answer, .request]])
    func cut(cuts: [CuttingProxy.Cut]) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let server = try await PostgresServer.shared.value
            let proxy = try CuttingProxy(folder: folder, server: String(server.url.split(separator: "=")[1]))
            defer { proxy.close() }
            var configuration = server.configuration(pool: 3)
            configuration.url = "postgres://runnel@/postgres?host=\(folder)"
            configuration.notifications = .off
            let journal = try PostgresJournal.open(configuration)
            let worker = workerRecord("a")
            try await journal.join(worker)
            proxy.cuts.withLock { $0 = cuts }
            for number in 0..<8 {
                #expect(
                    try await journal.accept(newRun("r\(number)", dedupeKey: "k\(number)"), memory: nil) == .accepted)
                guard case .claimed(let run) = try await journal.claim("r\(number)", by: worker.id, limits: RunLimits())
                else { Issue.record("r\(number) was not claimed"); return }
                let lease = try #require(run.lease)
                var commit = RunCommit(lease: lease, events: [.int(Int64(number))])
                commit.memories = [
                    StepMemoryEdit(uses: "chat", change: .append("k", .int(1), limit: 100, keep: .seconds(9)), at: 0)
                ]
                try await journal.commit(commit, .durable)
                try await journal.commit(
                    RunCommit(lease: lease, end: RunCommit.End(state: .succeeded, time: 2)), .durable)
                #expect(try await journal.events(of: run.id, from: 0, limit: 9).map(\.event) == [.int(Int64(number))])
            }
            #expect(proxy.cuts.withLock(\.self) == [])
            #expect(try await journal.memory(of: "chat", key: "k", at: 0).entries.count == 8)
            #expect(try await journal.ends(after: 0, limit: 99).map(\.number) == Array(1...8))
            #expect(try await journal.runs(RunFilter()).count == 8)
            await journal.close()
        }
    }

    @Test(
        "a connection that is cut at a COMMIT: the write is repeated also when the loss is noticed after the patience",
        arguments: [CuttingProxy.Cut.answer, .request])
    func noticedLate(cut: CuttingProxy.Cut) async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let server = try await PostgresServer.shared.value
            let proxy = try CuttingProxy(folder: folder, server: String(server.url.split(separator: "=")[1]))
            defer { proxy.close() }
            var configuration = server.configuration(pool: 3)
            configuration.url = "postgres://runnel@/postgres?host=\(folder)"
            configuration.notifications = .off
            configuration.patience = .zero
            let journal = try PostgresJournal.open(configuration)
            let worker = workerRecord("a")
            try await journal.join(worker)
            guard case .claimed(let epoch) = try await journal.accept(newRun("r", owner: worker), memory: nil) else {
                Issue.record("it was not claimed"); return
            }
            proxy.cuts.withLock { $0 = [cut] }
            // The effect of the step must not be repeated because its end was lost.
            let lease = Lease(runID: "r", worker: worker.id, epoch: epoch)
            try await journal.commit(RunCommit(lease: lease, steps: [step("sent")], events: ["sent"]), .durable)
            #expect(proxy.cuts.withLock(\.self) == [])
            #expect(try await journal.steps(of: "r").map(\.state) == [.succeeded])
            #expect(try await journal.events(of: "r", from: 0, limit: 9).map(\.event) == ["sent"])
            await journal.close()
        }
    }

    @Test("a session that is lost between two calls: reads and writes go on in a new one, without any patience")
    func lostSession() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration(pool: 3)
        (configuration.host, configuration.notifications, configuration.patience) = ("lost", .off, .zero)
        let journal = try PostgresJournal.open(configuration)
        for number in 0..<2 {
            #expect(try await journal.accept(newRun("r\(number)"), memory: nil) == .accepted)
            #expect(try await journal.queuedCount() == number + 1)
            let sessions = "FROM pg_stat_activity WHERE application_name = 'runnel lost'"
            try server.query("SELECT pg_terminate_backend(pid) \(sessions)")
            while try !server.query("SELECT 'one' \(sessions)").isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        }
        await journal.close()
    }

    @Test("after a failed write, later writes with the same key fail too, and no others")
    func consecutive() async throws {
        // With one writer.
        let journal = try PostgresJournal.open(try await PostgresServer.shared.value.configuration(pool: 3))
        let held = DispatchSemaphore(value: 0)
        let outcomes = Outcomes()
        func submit(_ name: String, _ key: String, _ work: @escaping @Sendable (PostgresConnection) throws -> Bool) {
            journal.committer.submit(
                PostgresCommitter.Job(work: .other { try work($0) }, keys: [key]) { outcomes.add(name, $0) })
        }
        await withCheckedContinuation { (begun: CheckedContinuation<Void, Never>) in
            submit("held", "x") { _ in
                begun.resume()
                held.wait()
                return true
            }
        }
        // All three are in the next transaction.
        submit("first", "r") { try $0.execute("SELECT 1 / 0").count == 1 }
        submit("second", "r") { _ in true }
        submit("other", "s") { _ in true }
        held.signal()
        try await journal.committer.write(nil) { _ in }
        #expect(outcomes.succeeded == ["held", "other"])
        await journal.close()
    }

    @Test("after a commit that nobody awaits failed, the run's next one fails too, so that no earlier step is missing")
    func lostSoonCommit() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration(pool: 3)
        configuration.host = "soon"
        let journal = try PostgresJournal.open(configuration)
        let worker = workerRecord("a")
        try await journal.join(worker)
        for id in ["r", "other"] { _ = try await journal.accept(newRun(id, owner: worker), memory: nil) }
        let (lease, otherLease) = (try await journal.lease("r"), try await journal.lease("other"))
        // The first commit waits for this lock until it is cancelled.
        let other = try PostgresConnection(PostgresOptions(url: server.url))
        try other.execute("BEGIN")
        try other.execute(
            PostgresStatement("SELECT * FROM \(configuration.schema).active WHERE run_id = 'r' FOR UPDATE"))
        try await journal.commit(RunCommit(lease: lease, steps: [step("one")], events: ["one"]), .soon)
        journal.soon.flush()
        let waiting =
            "FROM pg_stat_activity WHERE application_name = 'runnel soon' AND wait_event_type = 'Lock'"
        while try server.query("SELECT 'one' \(waiting)").isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        // In the queue behind it.
        let outcomes = Outcomes()
        let end = RunCommit.End(state: .succeeded, time: 9)
        for (name, lease) in [("r", lease), ("other", otherLease)] {
            let commit = RunCommit(lease: lease, steps: [step("two")], end: end)
            journal.committer.submit(
                PostgresCommitter.Job(work: .commit(PostgresCommit(commit)), keys: [name]) { outcomes.add(name, $0) })
        }
        try server.query("SELECT pg_cancel_backend(pid) \(waiting)")
        try other.execute("ROLLBACK")
        try await journal.committer.write(nil) { _ in }
        #expect(outcomes.succeeded == ["other"])
        #expect(try await journal.run("r")?.state == .running)
        #expect(try await journal.steps(of: "r").isEmpty)
        // The worker learns why.
        let error = await #expect(throws: JournalError.self) {
            try await journal.commit(RunCommit(lease: lease, end: end), .durable)
        }
        #expect(error?.code == .busy)
        await journal.close()
    }

    @Test("the id of a transaction is kept when more statements are deferred")
    func deferred() async throws {
        let connection = try PostgresConnection(PostgresOptions(url: try await PostgresServer.shared.value.url))
        connection.sendWithNext([PostgresStatement("SELECT 1::bigint")])
        try connection.execute("SELECT 2::bigint")
        connection.sendWithNext([PostgresStatement("SELECT 3::bigint")])
        try connection.execute("SELECT 4::bigint")
        #expect(try connection.deferredResults.last?.first?.int(0) == 1)
        connection.dropDeferred()
        #expect(connection.deferredResults.isEmpty)
    }

    @Test("all connections taken: a clear error, and work goes on as soon as there is one")
    func exhausted() async throws {
        try await withPostgres("max_connections=12", "superuser_reserved_connections=3") {
            (server) async throws -> Void in
            try server.query("CREATE ROLE plain LOGIN; ")
            try server.query("GRANT CREATE ON DATABASE postgres TO plain")
            var configuration = server.configuration(pool: 3)
            configuration.url = server.url.replacing("runnel@", with: "plain@")
            let journal = try PostgresJournal.open(configuration)
            var others: [PostgresConnection] = []
            while let other = try? PostgresConnection(PostgresOptions(url: configuration.url)) { others.append(other) }
            #expect(others.count > 3)
            let error = await #expect(throws: JournalError.self) { try await journal.accept(newRun("r"), memory: nil) }
            #expect(error?.code == .busy)
            #expect(error?.message.contains("has no connection left") == true)
            #expect(error?.hint == "raise `max_connections` of PostgreSQL, or lower `journal.pool`")
            others = []
            #expect(try await journal.accept(newRun("r2"), memory: nil) == .accepted)
            #expect(try await journal.queued(limit: 9).map(\.id) == ["r2"])
            await journal.close()
        }
    }

    @Test("after a server was read-only for a while, work continues in a new session")
    func readOnly() async throws {
        try await withPostgres { (server) async throws -> Void in
            try server.query("CREATE ROLE plain LOGIN")
            try server.query("GRANT CREATE ON DATABASE postgres TO plain")
            var configuration = server.configuration(pool: 3)
            configuration.url = server.url.replacing("runnel@", with: "plain@")
            await (try PostgresJournal.open(configuration)).close()
            try server.query("ALTER ROLE plain SET default_transaction_read_only = on")
            let journal = try PostgresJournal.open(configuration)
            let error = await #expect(throws: JournalError.self) { try await journal.accept(newRun("r"), memory: nil) }
            #expect(error?.code == .readOnly)
            try server.query("ALTER ROLE plain RESET default_transaction_read_only")
            #expect(try await journal.accept(newRun("r"), memory: nil) == .accepted)
            await journal.close()
        }
    }

    @Test("a session that is idle in a transaction, and one that reads a snapshot for long")
    func idle() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        let worker = workerRecord("a")
        try await journal.join(worker)
        _ = try await journal.accept(newRun("held"), memory: nil)
        let other = try PostgresConnection(PostgresOptions(url: server.url))
        try other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        try other.execute(
            PostgresStatement("SELECT * FROM \(configuration.schema).active WHERE run_id = 'held' FOR UPDATE"))
        for number in 0..<50 {
            let id = "r\(number)"
            _ = try await journal.accept(newRun(id), memory: nil)
            guard case .claimed(let run) = try await journal.claim(id, by: worker.id, limits: RunLimits()) else {
                Issue.record("\(id) was not claimed"); return
            }
            let end = RunCommit.End(state: .succeeded, time: 1)
            try await journal.commit(RunCommit(lease: try #require(run.lease), end: end), .durable)
        }
        #expect(try await journal.lastEnd() == 50)
        try other.execute("ROLLBACK")
        guard case .claimed = try await journal.claim("held", by: worker.id, limits: RunLimits()) else {
            Issue.record("it was not claimed"); return
        }
        await journal.close()
    }

    @Test("many claimers: no run is claimed twice, and no epoch is given twice")
    func claims() async throws {
        let configuration = try await PostgresServer.shared.value.configuration()
        let journals = [try PostgresJournal.open(configuration), try PostgresJournal.open(configuration)]
        for (index, journal) in journals.enumerated() { try await journal.join(workerRecord("w\(index)")) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask { _ = try await journals[0].accept(newRun("r\(number)"), memory: nil) }
            }
            try await group.waitForAll()
        }
        let claimed = try await withThrowingTaskGroup(of: RunRecord?.self) { group in
            for number in 0..<300 {
                for index in 0..<2 {
                    group.addTask { () async throws -> RunRecord? in
                        let limits = number.isMultiple(of: 3) ? RunLimits(pipeline: 1000) : RunLimits()
                        let claim = try await journals[index].claim(
                            "r\(number)", by: WorkerID("w\(index)"), limits: limits)
                        if case .claimed(let run) = claim { return run }
                        return nil
                    }
                }
            }
            return try await group.reduce(into: [RunRecord]()) { all, run in if let run { all.append(run) } }
        }
        #expect(claimed.count == 300)
        #expect(Set(claimed.map(\.id)).count == 300)
        #expect(Set(claimed.map(\.epoch)).count == 300)
        #expect(try await journals[1].queuedCount() == 0)
        for journal in journals { await journal.close() }
    }

    @Test("a limit of a pipeline holds over several machines")
    func limits() async throws {
        let configuration = try await PostgresServer.shared.value.configuration()
        let journals = [try PostgresJournal.open(configuration), try PostgresJournal.open(configuration)]
        for (index, journal) in journals.enumerated() { try await journal.join(workerRecord("w\(index)")) }
        for number in 0..<40 { _ = try await journals[0].accept(newRun("r\(number)"), memory: nil) }
        let claimed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<40 {
                group.addTask { () async throws -> Bool in
                    let index = number % 2
                    let claim = try await journals[index].claim(
                        "r\(number)", by: WorkerID("w\(index)"), limits: RunLimits(pipeline: 3))
                    if case .claimed = claim { return true }
                    #expect(claim == .busy)
                    return false
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(claimed == 3)
        for journal in journals { await journal.close() }
    }

    @Test("a worker that stood still beyond its lease: its late commits are refused, and its events do not mix")
    func late() async throws {
        let configuration = try await PostgresServer.shared.value.configuration()
        let (first, second) = (try PostgresJournal.open(configuration), try PostgresJournal.open(configuration))
        try await first.join(workerRecord("a"))
        try await second.join(workerRecord("b"))
        guard case .claimed = try await first.accept(newRun("r", owner: workerRecord("a")), memory: nil) else {
            Issue.record("it was not claimed"); return
        }
        let old = try await first.lease("r")
        try await first.commit(RunCommit(lease: old, steps: [step("one")], events: ["a"]), .durable)
        _ = try await second.takeOver(.present, "a")
        guard case .claimed(let run) = try await second.claim("r", by: WorkerID("b"), limits: RunLimits()) else {
            Issue.record("it was not claimed"); return
        }
        #expect(run.epoch > old.epoch)
        #expect(run.deaths == 0)
        try await second.commit(RunCommit(lease: try #require(run.lease), events: ["b"]), .durable)
        let late = RunCommit(
            lease: old, steps: [step("two")], events: ["late"], end: RunCommit.End(state: .failed, time: 9))
        let error = await #expect(throws: JournalError.self) { try await first.commit(late, .durable) }
        #expect(error?.code == .leaseLost)
        #expect(try await second.steps(of: "r").map(\.key.step) == ["one"])
        #expect(try await second.events(of: "r", from: 0, limit: 9).map(\.event) == ["a", "b"])
        #expect(try await first.beat(WorkerID("a")) == nil)
        await first.close()
        await second.close()
    }

    @Test("a worker that stands still in a transaction keeps its locks for less than its lease of 15 seconds")
    func openTransaction() async throws {
        let configuration = try await PostgresServer.shared.value.configuration()
        let connection = try PostgresConnection(configuration.options(statementTimeout: 60))
        let limit = try connection.execute(PostgresStatement("SHOW idle_in_transaction_session_timeout"))
        #expect(limit.first?.optionalText(0) == "10s")
    }

    @Test("a silent worker whose session has ended as well has died, which counts")
    func died() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration()
        let second = try PostgresJournal.open(configuration)
        configuration.host = "dying"
        let first = try PostgresJournal.open(configuration)
        try await first.join(workerRecord("a"))
        _ = try await first.accept(newRun("r", owner: workerRecord("a")), memory: nil)
        // Like a process that is killed: it does not leave, and its sessions end a moment later.
        await first.close()
        let sessions = "SELECT 'one' FROM pg_stat_activity WHERE application_name = 'runnel dying'"
        while try !server.query(sessions).isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        #expect(try await second.observe().map(\.presence) == [.present])
        #expect(try await second.takeOver(.present, "a").queued == ["r"])
        #expect(try await second.run("r")?.deaths == 1)
        #expect(try await second.workers().isEmpty)
        await second.close()
    }

    @Test("a worker whose lock is held by another session gets it when that session ends")
    func lockedOut() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration()
        configuration.host = "locked"
        let journal = try PostgresJournal.open(configuration)
        // Simulates the session before a reconnect: the server has not noticed its end yet.
        var former: PostgresConnection? = try PostgresConnection(PostgresOptions(url: server.url))
        try former?.execute(
            PostgresStatement(
                "SELECT pg_advisory_lock(hashtextextended('\(configuration.schema) worker a', 0))"))
        try await journal.join(workerRecord("a"))
        let sessions = "FROM pg_stat_activity WHERE application_name = 'runnel locked'"
        let tries = "SELECT 'one' \(sessions) AND query LIKE 'SELECT pg_try_advisory_lock%' AND state = 'idle'"
        while try server.query(tries).isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        former = nil
        let locks =
            "SELECT 'one' FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid IN (SELECT pid \(sessions))"
        while try server.query(locks).isEmpty {
            // Wakes the listener.
            try server.query("NOTIFY \"runnel_\(configuration.schema)\"")
            try await Task.sleep(for: .milliseconds(1))
        }
        await journal.close()
    }

    @Test("cancelling a read as it ends does not cancel the next one")
    func lateCancellation() async throws {
        // With one reader.
        let journal = try PostgresJournal.open(try await PostgresServer.shared.value.configuration(pool: 3))
        for _ in 0..<200 {
            let first = Task {
                try await journal.readers.read(isCancellable: true) { try $0.execute("SELECT 1").count }
            }
            let next = Task { try await journal.readers.read { try $0.execute("SELECT pg_sleep(0.002)").count } }
            first.cancel()
            _ = await first.result
            #expect(try await next.value == 1)
        }
        await journal.close()
    }

    @Test("commits that nobody waits for keep their order, with two writers")
    func order() async throws {
        let configuration = try await PostgresServer.shared.value.configuration(pool: 6)
        let journal = try PostgresJournal.open(configuration)
        try await journal.join(workerRecord("a"))
        for run in 0..<8 { _ = try await journal.accept(newRun("r\(run)", owner: workerRecord("a")), memory: nil) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for run in 0..<8 {
                group.addTask { () async throws -> Void in
                    let lease = try await journal.lease("r\(run)")
                    for number in 0..<200 {
                        let commit = RunCommit(
                            lease: lease, steps: [step("s", .running, output: .int(Int64(number)))],
                            events: [.int(Int64(number))])
                        try await journal.commit(commit, number.isMultiple(of: 7) ? .durable : .soon)
                    }
                    try await journal.commit(
                        RunCommit(lease: lease, end: RunCommit.End(state: .succeeded, time: 1)), .durable)
                }
            }
            try await group.waitForAll()
        }
        for run in 0..<8 {
            let events = try await journal.events(of: "r\(run)", from: 0, limit: 1000)
            #expect(events.map(\.event) == (0..<200).map { .int($0) })
            #expect(events.map(\.number) == Array(0..<200))
            #expect(try await journal.steps(of: "r\(run)").first?.output == .int(199))
        }
        await journal.close()
    }
}
