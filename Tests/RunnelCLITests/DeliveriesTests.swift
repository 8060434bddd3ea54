import RunnelKit
import Testing

@Suite("runnel deliveries, typed", .timeLimit(.minutes(5))) struct DeliveriesTests {
    @Test("without a server, a replay and a backfill wait in the journal for the next one, once each")
    func offline() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/p.yaml": """
            name: p
            on:
              webhook: { path: p, verify: { scheme: none } }
              schedule: { cron: "0 9 * * *", timezone: UTC, missed: skip }
            steps: [ { uses: template, with: { text: "{{ trigger.type }}" } } ]
            """,
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { (runnel: RunnelProcess) async throws in
                let port = try #require(runnel.environment["RUNNEL_SERVER_PORT"])
                let post = "import urllib.request as u; u.urlopen('http://127.0.0.1:\(port)/hooks/p', b'hello')"
                let sender = RunnelProcess(directory: runnel.directory, program: pythonForTests)
                #expect(try await sender.run(["-c", post]).status == 0)
                #expect(try await runnel.run(["runs", "watch", "last"]).status == 0)
            }
            let shown = try await runnel.run(["deliveries", "show", "last"])
            #expect(shown.output.hasPrefix("POST /hooks/p\n"), "\(shown.error)")
            let replayed = try await runnel.run(["deliveries", "replay", "last"])
            #expect(replayed.status == 0, "\(replayed.error)")
            #expect(
                replayed.error == "no server is running: the run waits in the journal for the next `runnel serve`\n")
            let backfill = [
                "schedule", "backfill", "p", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-03T00:00:00Z", "--old",
            ]
            let filled = try await runnel.run(backfill)
            #expect(filled.status == 0, "\(filled.error)")
            #expect(filled.error == "no server is running: 2 runs wait in the journal for the next `runnel serve`\n")
            let lines = filled.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(lines.map { $0[0] } == ["2026-01-01T09:00:00.000Z", "2026-01-02T09:00:00.000Z"])
            #expect(lines.map { $0[1] } == ["started", "started"])
            let again = try await runnel.run(backfill)
            #expect(again.error.isEmpty)
            #expect(again.output.replacing("exists", with: "started") == filled.output)
            let missing = try await runnel.run(["schedule", "backfill", "q"] + backfill.dropFirst(3))
            #expect(missing.status == 2)
            #expect(missing.error == "error: there is no pipeline \"q\"; the pipelines are p\n")
            func states() async throws -> [String] {
                let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList ?? []
                return runs.map { $0["state"]?.asString ?? "" }
            }
            #expect(try await states() == ["queued", "queued", "queued", "succeeded"])
            let listed = try await runnel.run(["deliveries"]).output.split(separator: "\n")
            #expect(listed.first?.split(separator: " ") == ["NUMBER", "TIME", "OUTCOME", "PIPELINE", "CALL", "RUN"])
            #expect(listed.last?.contains("  accepted  p         POST /hooks/p  ") == true, "\(listed)")
            let audit = try await runnel.run(["audit", "--json"]).output
            #expect(
                audit.contains(
                    #""caller":"local","origin":"command line","action":"replay-delivery","subject":"1","outcome":"\#(replayed.output.dropLast())""#
                ), "\(audit)")
            try await runnel.serving("pipelines") { (runnel: RunnelProcess) async throws in
                for run in [String(replayed.output.dropLast())] + lines.map({ $0[2] }) {
                    #expect(try await runnel.run(["runs", "watch", run]).status == 0)
                }
            }
            #expect(try await states() == ["succeeded", "succeeded", "succeeded", "succeeded"])
            let run = try Value.json(
                try await runnel.run(["runs", "show", String(replayed.output.dropLast()), "--json"]).output)
            #expect(run["output"] == "webhook")
        }
    }

    @Test("without a server, a backfill is accepted even before the project's first run")
    func firstBackfill() async throws {
        let files = [
            "runnel.yaml": "server: { port: 1 }\n",
            "p.yaml": """
            name: p
            on: { schedule: { cron: "0 9 * * *", timezone: UTC } }
            steps: [ { uses: log } ]
            """,
        ]
        try await withProject(files) { runnel in
            let filled = try await runnel.run([
                "schedule", "backfill", "p", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-03T00:00:00Z", "--old",
            ])
            #expect(filled.status == 0, "\(filled.error)")
            #expect(filled.error == "no server is running: 2 runs wait in the journal for the next `runnel serve`\n")
            let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList ?? []
            #expect(runs.map { $0["state"]?.asString ?? "" } == ["queued", "queued"])
        }
    }

    @Test("where nothing was delivered it says so, and what is wrong is named")
    func empty() async throws {
        try await withProject(["runnel.yaml": "server: { port: 1 }\n", "p.yaml": "steps: [ { uses: log } ]\n"]) {
            runnel in
            _ = try await runnel.run(["run", "p"])
            let list = try await runnel.run(["deliveries"])
            #expect(list.status == 0)
            #expect(list.output == "")
            #expect(list.error.hasSuffix("no deliveries\n"))
            let missing = try await runnel.run(["deliveries", "show", "12"])
            #expect(missing.status == 2)
            #expect(
                missing.error.hasSuffix(
                    "error: there is no delivery 12\n  = `runnel deliveries list` lists them\n"))
            let last = try await runnel.run(["deliveries", "show", "last"])
            #expect(last.status == 2)
            #expect(last.error.hasSuffix("error: there are no deliveries\n"))
            let other = try await runnel.run(["deliveries", "--pipeline", "q"])
            #expect(other.status == 2)
            #expect(other.error == "error: there is no pipeline \"q\"\n  = the pipelines are p\n")
            let outcome = try await runnel.run(["deliveries", "list", "--outcome", "lost"])
            #expect(outcome.status == 2)
            #expect(outcome.error.contains("lost"))
            let offline = try await runnel.run(["deliveries", "replay", "12"])
            #expect(offline.status == 2)
            #expect(offline.error.hasSuffix("error: there is no delivery \"12\"\n"), "\(offline.error)")
        }
    }
}
