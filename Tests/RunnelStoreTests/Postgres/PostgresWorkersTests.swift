import PostgresClient
import RunnelEngine
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelStore

@Suite("The workers of several machines", .enabled(if: hasPostgres), .timeLimit(.minutes(5)))
struct PostgresWorkersTests {
    private func record(_ name: String, on host: String, role: String = "serve") -> WorkerRecord {
        WorkerRecord(id: WorkerID(name), processID: 1, host: host, role: role, startedAt: 0)
    }

    @Test("the difference of a worker's clock to the database's is measured at each heartbeat")
    func clock() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        try await journal.join(record("a", on: "here"))
        // Both clocks are this machine's; a wait for the transaction does not count.
        #expect(try #require(await journal.workers().first?.clockLead).magnitudeInSeconds < 2)
        #expect(try #require(await journal.beat(WorkerID("a"))?.clockLead).magnitudeInSeconds < 2)
        try server.query("UPDATE \(configuration.schema).workers SET clock_lead = -61500000000")
        let worker = try #require(await journal.workers().first)
        #expect(worker.clockLead == .milliseconds(-61_500))
        #expect(worker.clockProblem?.hasPrefix("the clock of here is 61.5 s behind the database's") == true)
        #expect(try #require(await journal.beat(WorkerID("a"))).clockProblem == nil)
        try server.query("UPDATE \(configuration.schema).workers SET beaten_at = now() - interval '20 seconds'")
        #expect(try #require(await WorkerStatus.all(in: journal).first).state == .silent)
        await journal.close()
    }

    @Test("a run that needs files of a machine is left to it, and to others ten minutes after it has gone")
    func affinity() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        func seen(by host: String) async throws -> [String] {
            try await journal.queued(QueueSearch(limit: 9, host: host)).map(\.id)
        }
        for (name, host) in [("a", "disk"), ("b", "other")] { try await journal.join(record(name, on: host)) }
        var local = newRun("local")
        local.host = "disk"
        _ = try await journal.accept(local, memory: nil)
        _ = try await journal.accept(newRun("free"), memory: nil)
        #expect(try await journal.run("local")?.host == "disk")
        #expect(try await seen(by: "disk") == ["free", "local"])
        #expect(try await seen(by: "other") == ["free"])
        #expect(try await journal.queuedElsewhere(than: "other", limit: 9) == ["disk": 1])
        #expect(try await journal.queuedElsewhere(than: "disk", limit: 9) == [:])
        // Whoever looks at all sees it.
        #expect(try await journal.queued(limit: 9).map(\.id) == ["free", "local"])
        // A restart takes a moment, in which the run stays.
        try await journal.leave(WorkerID("a"))
        #expect(try await seen(by: "other") == ["free"])
        func pass(_ minutes: Int) throws {
            try server.query(
                "UPDATE \(configuration.schema).hosts SET left_at = left_at - interval '\(minutes) minutes'")
        }
        try pass(9)
        #expect(try await seen(by: "other") == ["free"])
        try pass(2)
        #expect(try await seen(by: "other") == ["free", "local"])
        #expect(try await journal.queuedElsewhere(than: "other", limit: 9) == [:])
        // The machine is back: a worker that runs one pipeline in the foreground takes no others.
        try await journal.join(record("c", on: "disk", role: "run"))
        #expect(try await seen(by: "other") == ["free", "local"])
        try await journal.join(record("d", on: "disk"))
        #expect(try await seen(by: "other") == ["free"])
        await journal.close()
    }

    @Test("runs that wait for a machine without an active worker are reported, with a hint")
    func held() async throws {
        let journal = try PostgresJournal.open(try await PostgresServer.shared.value.configuration())
        try await journal.join(record("a", on: "disk"))
        try await journal.join(record("b", on: "other"))
        var run = newRun("local")
        run.host = "disk"
        _ = try await journal.accept(run, memory: nil)
        (run.id, run.retryOf, run.source) = ("retry", "r", ["payload": [:], "input": "a", "state": [:]])
        _ = try await journal.accept(run, memory: nil)
        _ = try await journal.requestCancel("retry", at: 1)
        #expect(try await journal.heldRuns().isEmpty)
        #expect(try await journal.operators.setWorker(WorkerID("a"), isDrained: true))
        var held = try #require(await journal.heldRuns().first)
        #expect(held == HeldRuns(machine: "disk", queued: 1, retries: 0, isDrained: true))
        #expect(held.message == "1 queued run waits for the machine \"disk\", whose worker is drained")
        #expect(
            held.hint
                == "`runnel workers undrain disk`, or `runnel runs cancel` for runs that are not needed any more")
        try await journal.leave(WorkerID("a"))
        held = try #require(await journal.heldRuns().first)
        #expect(held == HeldRuns(machine: "disk", queued: 1, retries: 1, isDrained: false))
        #expect(
            held.message
                == "1 queued run waits for the machine \"disk\", which has no worker; ten minutes after its last "
                + "worker left, another machine takes over; the file of 1 ended retry is moved once a worker runs on the "
                + "machine \"disk\"; retention removes the retry 30 days after its end")
        #expect(
            held.hint
                == "start Runnel there, or set `journal.machine: disk` on the machine that has its files now")
        try await journal.join(record("c", on: "disk"))
        #expect(try await journal.heldRuns().isEmpty)
        await journal.close()
    }

    @Test("the last released version goes on working on the journal that this one has migrated")
    func twoVersions() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let old = Array(PostgresSchema.migrations.prefix { $0.name != "2-workers" })
        func start() throws -> [String] {
            let connection = try PostgresConnection(PostgresOptions(url: server.url))
            return try PostgresSchema.migrate(connection, schema: configuration.schema, place: "here", to: old)
        }
        #expect(try start() == ["1-journal"])
        let journal = try PostgresJournal.open(configuration)
        try await journal.join(record("new", on: "second"))
        // It may also be started again: the migrations that it does not know leave it what it needs.
        #expect(try start() == [])
        let connection = try PostgresConnection(configuration.options(statementTimeout: 30))
        for statement in Self.statements { try connection.execute(PostgresStatement(statement)) }
        let workers = try await journal.workers()
        #expect(Set(workers.map(\.id.text)) == ["old", "new"])
        let worker = try #require(workers.first { $0.id.text == "old" })
        #expect(worker.version == "" && worker.beat == 1 && worker.clockLead == nil && !worker.isDrained)
        #expect(try await journal.run("r")?.owner == WorkerID("old"))
        #expect(try await journal.run("r")?.host == nil)
        // Its runs are taken over, and what it releases is claimed here.
        _ = try await journal.takeOver(.present, "old")
        guard case .claimed(let run) = try await journal.claim("r", by: WorkerID("new"), limits: RunLimits()) else {
            Issue.record("it was not claimed"); return
        }
        let end = RunCommit.End(state: .succeeded, time: 9)
        try await journal.commit(RunCommit(lease: try #require(run.lease), steps: [step("s")], end: end), .durable)
        #expect(try await journal.run("r")?.state == .succeeded)
        await journal.close()
    }

    /// What version 0.1.0 sends to join, to send a heartbeat, to accept a run and to claim it.
    private static let statements = [
        """
        INSERT INTO workers (id, pid, host, role, started_at, holds_lock) VALUES ('old', 1, 'first', 'serve', 1, false)
        ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, host = excluded.host, role = excluded.role,
            started_at = excluded.started_at, holds_lock = excluded.holds_lock, beat = 0, beaten_at = now()
        """,
        "UPDATE workers SET beat = beat + 1, beaten_at = now() WHERE id = 'old'",
        """
        INSERT INTO runs (id, pipeline, definition, state, dedupe_key, "trigger", inputs, input, created_at, started_at,
            ended_at, retry_of, has_finally, chain, debounce_key, debounce_until, bytes, source, source_due)
        VALUES ('r', 'p', 'd', NULL, 'k', '{}', NULL, NULL, 1, NULL, NULL, NULL, false, 0, NULL, NULL, 300, NULL, false)
        """,
        """
        INSERT INTO active (run_id, pipeline, definition, state, created_at, started_at, owner, epoch, wake_at,
            has_finally, debounce_key, debounce_until)
        VALUES ('r', 'p', 'd', 'queued', 1, NULL, NULL, 0, NULL, false, NULL, NULL)
        """,
        """
        UPDATE active a SET state = 'running', owner = 'old', epoch = nextval('epochs'),
            started_at = coalesce(a.started_at, 5, a.created_at)
        WHERE a.run_id = 'r'
        """,
    ]
}

extension Duration {
    fileprivate var magnitudeInSeconds: Double { abs(milliseconds) / 1000 }
}
