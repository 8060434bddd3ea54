import PostgresClient
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import RunnelStore

@Suite("A journal in PostgreSQL", .enabled(if: hasPostgres), .timeLimit(.minutes(5))) struct PostgresJournalTests {
    @Test("many processes that start at once create the tables once")
    func migration() async throws {
        let configuration = try await PostgresServer.shared.value.configuration(pool: 3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { () async throws -> Void in
                    let journal = try PostgresJournal.open(configuration)
                    #expect(try await journal.queuedCount() == 0)
                    await journal.close()
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("looking for a journal creates none, and finds the one that is there")
    func existing() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        #expect(try PostgresJournal.openExisting(configuration, migrates: true) == nil)
        #expect(try server.query("SELECT 1 FROM pg_namespace WHERE nspname = '\(configuration.schema)'").isEmpty)
        await (try PostgresJournal.open(configuration)).close()
        let journal = try #require(try PostgresJournal.openExisting(configuration, migrates: false))
        #expect(try await journal.queuedCount() == 0)
        await journal.close()
    }

    @Test("a journal of an older version is refused where it must not be migrated, and nothing of it changes")
    func older() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let connection = try PostgresConnection(PostgresOptions(url: server.url))
        let old = Array(PostgresSchema.migrations.dropLast())
        try PostgresSchema.migrate(connection, schema: configuration.schema, place: "here", to: old)
        let error = #expect(throws: JournalError.self) {
            try PostgresJournal.openExisting(configuration, migrates: false)
        }
        #expect(error?.code == .older)
        #expect(error?.message == "the journal \(configuration.place) was written by an older version of Runnel")
        #expect(
            try PostgresSchema.isCurrent(connection, schema: configuration.schema, place: configuration.place) == false)
        let journal = try #require(try PostgresJournal.openExisting(configuration, migrates: true))
        #expect(try await journal.queuedCount() == 0)
        await journal.close()
    }

    @Test("a journal of a newer version is refused")
    func newer() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        await (try PostgresJournal.open(configuration)).close()
        try server.query("INSERT INTO \(configuration.schema).migrations (name) VALUES ('99-later')")
        let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.code == .newer)
        #expect(error?.message == "the journal \(configuration.place) was written by a newer version of Runnel")
        #expect(error?.hint == "use that version, or another schema")
    }

    @Test("the sums of what calls have used hold those of an older version, before and after the migration")
    func usageSums() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let old = Array(PostgresSchema.migrations.prefix { $0.name != "5-usage-sums" })
        let connection = try PostgresConnection(PostgresOptions(url: server.url))
        try PostgresSchema.migrate(connection, schema: configuration.schema, place: "here", to: old)
        func add(_ input: String) throws {
            try server.query(
                """
                INSERT INTO \(configuration.schema).usage (at, pipeline, run_id, step, agent, model, input_tokens,
                    output_tokens, cached_tokens, estimated_input, estimated_output)
                VALUES (1, 'p', 'r', 'ask', 'a', NULL, \(input), 20, NULL, 7, 9)
                """)
        }
        try add("10")
        try add("NULL")
        let journal = try PostgresJournal.open(configuration)
        let worker = workerRecord("w")
        try await journal.join(worker)
        _ = try await journal.accept(newRun("r1", owner: worker), memory: nil)
        var commit = RunCommit(lease: try await journal.lease("r1"))
        let usage = UsageRecord(agent: "a", model: nil, inputTokens: 10, outputTokens: 20, estimatedOutput: 1)
        commit.usage = [UsageEntry(pipeline: "p", step: ExecutionKey("ask"), at: 2, usage: usage)]
        try await journal.commit(commit, .durable)
        var expected = UsageTotal()
        (expected.calls, expected.unknownCalls, expected.unknownCachedCalls) = (3, 1, 3)
        (expected.inputTokens, expected.outputTokens) = (20, 40)
        (expected.estimatedInput, expected.estimatedOutput) = (7, 20)
        #expect(try await journal.usage(UsageQuery(since: 0)).map(\.total) == [expected])
        await journal.close()
    }

    @Test("nothing changes or removes an entry of the audit log")
    func audit() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        try await journal.operators.append(
            AuditEntry(time: 1, caller: "ada", origin: "here", action: "retry-run", subject: "r"))
        let table = "\(configuration.schema).audit"
        for statement in ["DELETE FROM \(table)", "TRUNCATE \(table)", "UPDATE \(table) SET caller = 'bob'"] {
            let error = #expect(throws: PostgresError.self) { try server.query(statement) }
            #expect(error?.description.contains("the audit log is append-only") == true)
        }
        #expect(try await journal.operators.audit(before: nil, limit: 9).map(\.caller) == ["ada"])
        await journal.close()
    }

    @Test("errors name the place and no password")
    func secrets() throws {
        var configuration = PostgresJournalConfiguration(url: "postgres://u:s3cret@/db?host=/nonexistent")
        configuration.password = "0ther"
        var error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.code == .unreachable)
        #expect(error?.message.hasPrefix("the journal postgres:///nonexistent/db cannot be reached: ") == true)
        #expect(error?.description.contains("s3cret") == false && error?.description.contains("0ther") == false)
        configuration.url = "postgres://u:s3cret@[::1/db"
        error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.message == "the journal cannot be opened: the URL of the database cannot be read")
        configuration.url = "postgres://u:s3cret@host/db?sslmod=require"
        error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(
            error?.message == "the journal cannot be opened: the URL of the database has the parameter \"sslmod\", "
                + "which libpq does not know")
        configuration.url = "postgres://u:a?s3cret=1@[::1/db"
        error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.message == "the journal cannot be opened: the URL of the database cannot be read")
        configuration.url = "mysql://u:s3cret@host/db"
        error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(
            error?.message == "the journal cannot be opened: the URL of the database begins with no \"postgres://\"")
    }

    @Test("each new connection reads the password again; while it has no value, open connections still work")
    func passwordSource() async throws {
        var configuration = try await PostgresServer.shared.value.configuration()
        let password = Mutex<Result<String?, UnavailableSecret>>(.success("first-value"))
        configuration.passwordSource = { password.withLock { $0 } }
        let journal = try PostgresJournal.open(configuration)
        #expect(try await journal.queuedCount() == 0)
        password.withLock { $0 = .failure(UnavailableSecret(reason: "the file \"pw\" is empty")) }
        #expect(try await journal.queuedCount() == 0)
        let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.code == .unreachable)
        #expect(
            error?.message == "the journal \(configuration.place) cannot be reached: "
                + "`journal.password` has no value: the file \"pw\" is empty")
        #expect(error?.hint == "give it a value; Runnel tries again, and nothing that was accepted is lost")
        password.withLock { $0 = .success("second-value") }
        let other = try PostgresJournal.open(configuration)
        await other.close()
        await journal.close()
        configuration.url = "postgres://u@/db?host=/nonexistent"
        let lost = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(lost?.description.contains("-value") == false)
    }

    @Test("a user or a database that is not there is named, with what to do about it")
    func missing() async throws {
        let url = try await PostgresServer.shared.value.url
        let (user, database) = (
            "check the user in `journal.url` and `journal.password`", "create the database with `createdb`"
        )
        for (part, other, words, hint) in [
            ("runnel@", "nobody-here@", "role \"nobody-here\" does not exist", user),
            ("/postgres?", "/nothing-here?", "database \"nothing-here\" does not exist", database),
        ] {
            let configuration = PostgresJournalConfiguration(url: url.replacing(part, with: other))
            let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
            #expect(error?.code == .unreachable)
            #expect(error?.message.hasSuffix("FATAL:  " + words) == true, "\(error?.message ?? "")")
            #expect(error?.hint == hint)
        }
    }

    @Test("a refused connection is recognised by its SQLSTATE, in any language of the server")
    func refusals() {
        let wrong = "port 5432 failed: 致命的エラー:  28P01: パスワード認証に失敗しました\nLOCATION:  auth_failed, auth.c:334\n"
        let cases: [(String, PostgresError)] = [
            (wrong + wrong, PostgresError(.server("28P01"), "port 5432 failed: 致命的エラー:  パスワード認証に失敗しました")),
            (
                "FATAL:  42501: permission denied for database \"d\"\nDETAIL:  No CONNECT privilege.\n",
                PostgresError(
                    .server("28000"),
                    "FATAL:  permission denied for database \"d\"; DETAIL:  No CONNECT privilege.")
            ),
            (
                "failed: FATAL:  57P03: the database system is starting up\n",
                PostgresError(.connection, "failed: FATAL:  the database system is starting up")
            ),
            (
                "failed: fe_sendauth: no password supplied\n",
                PostgresError(.server("28P01"), "failed: fe_sendauth: no password supplied")
            ),
            (
                "failed: root certificate file \"/root.crt\" does not exist\n",
                PostgresError(.connection, "failed: root certificate file \"/root.crt\" does not exist")
            ),
            ("", PostgresError(.connection, "the connection is lost")),
        ]
        for (text, error) in cases { #expect(PostgresError(refusal: text) == error) }
    }

    @Test("a URL with several hosts gives the name and port of each")
    func hosts() {
        let options = PostgresOptions(url: "postgres://u@db1:5433,[::1],db3:5432/runnel")
        #expect(options.hosts.map(\.name) == ["db1", "::1", "db3"])
        #expect(options.hosts.map(\.port) == ["5433", "5432", "5432"])
        #expect(options.place == "postgres://db1:5433,[::1],db3/runnel")
        #expect(PostgresOptions(url: "postgres://u@db1,db2:6432/d").place == "postgres://db1,db2:6432/d")
        #expect(PostgresOptions(url: "postgres://u@/d?host=a,b&port=6432").place == "postgres://a:6432,b:6432/d")
        #expect(PostgresOptions(url: "postgres://u@db1:6432/d").place == "postgres://db1:6432/d")
    }

    @Test("if a host does not respond in time, the next one is tried")
    func silentHost() async throws {
        try await withTemporaryDirectory { (folder) async throws -> Void in
            let url = try await PostgresServer.shared.value.url
            let proxy = try CuttingProxy(folder: folder, server: nil)
            defer { proxy.close() }
            let both = url.replacing("host=", with: "connect_timeout=1&host=\(folder),")
            let connection = try PostgresConnection(PostgresOptions(url: both))
            #expect(try connection.execute("SELECT 1::bigint").first?.int(0) == 1)
            let error = #expect(throws: PostgresError.self) {
                _ = try PostgresConnection(PostgresOptions(url: "postgres://u@/d?connect_timeout=1&host=\(folder)"))
            }
            #expect(error == PostgresError(.connection, "the server \(folder) did not answer within 1s"))
        }
    }

    @Test("a user without the right to create schemas can use an existing one")
    func schemaOfAnother() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration()
        let user = "\(configuration.schema)_user"
        try server.query("CREATE ROLE \(user) LOGIN")
        configuration.url = server.url.replacing("runnel@", with: "\(user)@")
        let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.code == .readOnly)
        #expect(error?.hint == "give the user the right to create and write the tables of the schema")
        try server.query("CREATE SCHEMA \(configuration.schema) AUTHORIZATION \(user)")
        let journal = try PostgresJournal.open(configuration)
        #expect(try await journal.accept(newRun("r"), memory: nil) == .accepted)
        await journal.close()
    }

    @Test("if a role has too many connections, the hint says to raise the role's limit")
    func limitOfRole() async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration()
        let user = "\(configuration.schema)_user"
        try server.query("CREATE ROLE \(user) LOGIN CONNECTION LIMIT 0")
        configuration.url = server.url.replacing("runnel@", with: "\(user)@")
        let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(error?.code == .busy)
        #expect(error?.message.hasSuffix("FATAL:  too many connections for role \"\(user)\"") == true)
        #expect(
            error?.hint == "raise the CONNECTION LIMIT of the role or database that it names, or lower `journal.pool`")
    }

    @Test("a database whose encoding is not UTF-8 is refused", arguments: ["LATIN1", "SQL_ASCII"])
    func encoding(name: String) async throws {
        let server = try await PostgresServer.shared.value
        var configuration = server.configuration()
        let database = configuration.schema
        try server.query(
            "CREATE DATABASE \(database) TEMPLATE template0 ENCODING '\(name)' LC_COLLATE 'C' LC_CTYPE 'C'")
        configuration.url = server.url.replacing("/postgres?", with: "/\(database)?")
        let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(
            error?.message
                == "the database \(configuration.place) has the encoding \(name), and the journal needs UTF8")
        #expect(error?.hint == "create one with `createdb --encoding=UTF8 --template=template0`")
    }

    @Test(
        "a schema with tables of another program is refused",
        arguments: ["migrations (id bigint, batch bigint)", "runs (id bigint)"])
    func otherTables(table: String) async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        try server.query("CREATE SCHEMA \(configuration.schema)")
        try server.query("CREATE TABLE \(configuration.schema).\(table)")
        let error = #expect(throws: JournalError.self) { try PostgresJournal.open(configuration) }
        #expect(
            error?.message.hasPrefix(
                "the schema of the journal \(configuration.place) holds tables of another program: ") == true)
        #expect(error?.hint == "name a schema as `journal.schema` that only Runnel uses")
    }

    @Test("the user's `statement_timeout` does not end a migration")
    func slowMigration() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let slow = PostgresSchema.Migration(name: "1-slow", sql: ["SELECT pg_sleep(0.6)"])
        let connection = try PostgresConnection(
            PostgresOptions(url: server.url, preamble: ["SET statement_timeout TO 500"]))
        try PostgresSchema.migrate(connection, schema: configuration.schema, place: "here", to: [slow])
        #expect(throws: PostgresError.self) { try connection.execute("SELECT pg_sleep(0.6)") }
    }

    @Test("a run that one process accepts wakes another, and without notifications there are no signals")
    func signals() async throws {
        var configuration = try await PostgresServer.shared.value.configuration()
        let (first, second) = (try PostgresJournal.open(configuration), try PostgresJournal.open(configuration))
        var signals = second.queueSignals().makeAsyncIterator()
        // The first tells that it listens.
        #expect(await signals.next() != nil)
        _ = try await first.accept(newRun("r"), memory: nil)
        #expect(await signals.next() != nil)
        configuration.notifications = .off
        let third = try PostgresJournal.open(configuration)
        var none = third.queueSignals().makeAsyncIterator()
        #expect(await none.next() == nil)
        for journal in [first, second, third] { await journal.close() }
    }

    @Test("without sessions of its own, behind a proxy, it does the same")
    func pooled() async throws {
        var configuration = try await PostgresServer.shared.value.configuration(pool: 3)
        configuration.notifications = .off
        let journal = try PostgresJournal.open(configuration)
        let worker = workerRecord("a")
        try await journal.join(worker)
        #expect(try await journal.accept(newRun("r", dedupeKey: "k"), memory: nil) == .accepted)
        #expect(try await journal.accept(newRun("s", dedupeKey: "k"), memory: nil) == .duplicate(runID: "r"))
        guard case .claimed(let run) = try await journal.claim("r", by: worker.id, limits: RunLimits(pipeline: 1))
        else {
            Issue.record("it was not claimed"); return
        }
        let lease = try #require(run.lease)
        try await journal.commit(
            RunCommit(lease: lease, steps: [step("s")], end: RunCommit.End(state: .succeeded, time: 3)), .durable)
        #expect(try await journal.run("r")?.state == .succeeded)
        #expect(try await journal.prune(Retention(count: 0), now: 4).runs == 1)
        await journal.close()
    }

    @Test("large values come back, go with their run, and are missed where they are gone")
    func blobs() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        let worker = workerRecord("a")
        try await journal.join(worker)
        let large = Value.string(String(repeating: "é\u{0}", count: 200_000))
        var run = newRun("r", owner: worker)
        run.input = large
        run.trigger = ["type": "webhook", "body": large]
        _ = try await journal.accept(run, memory: nil)
        try await journal.commit(RunCommit(lease: journal.lease("r"), steps: [step("s", output: large)]), .durable)
        #expect(try await journal.run("r")?.trigger == run.trigger)
        #expect(try await journal.run("r")?.input == large)
        #expect(try await journal.steps(of: "r").first?.output == large)
        #expect(try await journal.runs(RunFilter()).first?.trigger == ["type": "webhook"])
        #expect(try await journal.check() == [])
        try server.query("DELETE FROM \(configuration.schema).blobs")
        #expect(try await journal.check() == Array(repeating: .value(runID: "r"), count: 2))
        let lost = try #require(try await journal.run("r"))
        let sentence: Value =
            "this value is lost: the journal holds a damaged value: a large value of the run r is missing"
        #expect(lost.input == sentence)
        #expect(lost.loss(of: RunRecord.beginning)?.isOfOneRun == true)
        let output = try await journal.steps(of: "r").first?.output
        #expect(output == sentence)
        try await journal.commit(
            RunCommit(
                lease: try #require(try await journal.leases(of: worker.id).first),
                end: RunCommit.End(state: .succeeded, output: large, time: 1)), .durable)
        #expect(try await journal.prune(Retention(count: 0), now: 2).runs == 1)
        for table in ["runs", "active", "steps", "events", "blobs", "folded"] {
            #expect(try server.query("SELECT 'row' FROM \(configuration.schema).\(table)").isEmpty, "\(table)")
        }
        await journal.close()
    }

    @Test("the large values of an event that a later one replaces go, and the queue counts those of the last event")
    func foldedBlobs() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        func large(_ number: Int) -> Value { .string(String(repeating: "\(number)", count: 20_000)) }
        for number in 0..<4 {
            var run = newRun("r\(number)")
            (run.state, run.wakeAt) = (.waiting, 50)
            run.debounce = Debounce(key: "burst", latest: 100, event: .int(Int64(number)))
            // The second event has the same body as the first.
            run.trigger = ["type": "webhook", "body": large(number / 2)]
            run.inputs = ["text": large(9)]
            run.input = .string("in \(number)")
            let acceptance = try await journal.accept(run, memory: nil)
            #expect(acceptance == (number == 0 ? .accepted : .folded(into: "r0")))
            // The trigger and the inputs.
            #expect(try server.query("SELECT 'one' FROM \(configuration.schema).blobs").count == 2)
        }
        _ = try await journal.wake(at: 50)
        let run = try #require(try await journal.run("r0"))
        #expect(run.trigger["body"] == large(1))
        #expect(run.inputs == ["text": large(9)])
        #expect(try await journal.check() == [])
        let sizes = try await journal.queuedSizes()
        #expect(sizes.map(\.count) == [1])
        #expect((40_000..<42_000).contains(sizes[0].bytes), "\(sizes)")
        await journal.close()
    }

    @Test("a claimed run with a damaged value fails alone")
    func damaged() async throws {
        let server = try await PostgresServer.shared.value
        let configuration = server.configuration()
        let journal = try PostgresJournal.open(configuration)
        let worker = workerRecord("a")
        try await journal.join(worker)
        for id in ["r", "s"] { _ = try await journal.accept(newRun(id), memory: nil) }
        try server.query("UPDATE \(configuration.schema).runs SET input = '{' WHERE id = 'r'")
        guard case .damaged(let lease, let error) = try await journal.claim("r", by: worker.id, limits: RunLimits())
        else { Issue.record("it is not damaged"); return }
        #expect(lease.runID == "r" && error.code == .corrupt)
        guard case .claimed = try await journal.claim("s", by: worker.id, limits: RunLimits()) else {
            Issue.record("it was not claimed"); return
        }
        await journal.close()
    }

    @Test("beyond the bound of bytes the oldest runs of all pipelines go")
    func bytes() async throws {
        let journal = try PostgresJournal.open(try await PostgresServer.shared.value.configuration())
        let worker = workerRecord("a")
        try await journal.join(worker)
        let second: Int64 = 1_000_000_000
        for number in 0..<60 {
            let id = "r\(number + 100)"
            let large = Value.string("\(number)" + String(repeating: "x", count: 20_000))
            _ = try await journal.accept(
                newRun(id, pipeline: number.isMultiple(of: 2) ? "p" : "q", owner: worker), memory: nil)
            let end = RunCommit.End(state: .succeeded, time: Int64(number))
            try await journal.commit(
                RunCommit(lease: journal.lease(id), steps: [step("s", output: large)], end: end), .durable)
        }
        let report = try await journal.prune(Retention(bytes: 600_000), now: 100 * second)
        #expect((20...60).contains(report.runs))
        #expect(report.bytes > 400_000)
        let left = try await journal.runs(RunFilter(limit: 100)).map(\.id)
        #expect(left.count == 60 - report.runs && left.first == "r159")
        #expect(try await journal.prune(Retention(bytes: 600_000), now: 100 * second).runs == 0)
        await journal.close()
    }
}
