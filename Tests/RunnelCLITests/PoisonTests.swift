import Foundation
import HTTPTestServer
import RunnelKit
import Testing

@Suite("Runs that kill their process", .timeLimit(.minutes(5))) struct PoisonTests {
    private let files = [
        "runnel.yaml": "",
        "plugins/killer/plugin.yaml": """
        name: killer
        version: "1"
        protocol: exec
        command: [sh, killer.sh]
        steps: { kill: { summary: Kills the process that called it., input: { type: object } } }
        """,
        "plugins/killer/killer.sh": "cat >/dev/null\nkill -9 $PPID\n",
        "poison.yaml": "name: poison\nsteps: [ { id: die, uses: killer.kill } ]\n",
        "good.yaml": "name: good\nsteps: [ { uses: template, with: { text: fine } } ]\n",
    ]

    @Test("a run is set aside once its process died four times over it, and can be sent again by hand")
    func setAside() async throws {
        try await withProject(files) { (runnel) async throws -> Void in
            for number in 1...4 {
                let ended = try await runnel.run(number == 1 ? ["run", "poison"] : ["runs", "resume", "last"])
                #expect(ended.status == SIGKILL, "\(ended.error)")
            }
            let resumed = try await runnel.run(["runs", "resume", "last"])
            #expect(resumed.status == 2)
            #expect(resumed.error.contains("cannot be resumed: it has ended: failed; `runnel runs retry "))
            let shown = try await runnel.run(["runs", "show", "last", "--json"])
            let run = try #require(try Value.json(shown.output).asObject)
            let id = try #require(run["id"]?.asString)
            #expect(run["interruptions"] == 4)
            let error = run["error"]?.asObject ?? [:]
            #expect(error["code"] == "killed-its-worker")
            #expect(
                error["message"]
                    == "the worker of the run died 4 times while \"die\" was running without progress"
            )
            #expect(try await runnel.run(["run", "good"]).output == "fine\n")
            #expect(try await runnel.run(["runs", "retry", id]).status == SIGKILL)
        }
    }

    @Test("a run that fails since its process died repeatedly is counted by the server that takes it over")
    func counted() async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "application/json")], "{}")
        } body: { server in
            var files = files
            files["runnel.yaml"] = "server: { port: 0 }\nruns: { deaths: 1 }\n"
            let environment = ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": server.url + "/v1/metrics"]
            try await withProject(files, environment: environment) { (runnel) async throws -> Void in
                #expect(try await runnel.run(["run", "poison"]).status == SIGKILL)
                #expect(try await runnel.run(["runs", "resume", "last"]).status == SIGKILL)
                _ = try await runnel.interrupt(["serve", "."], after: "its worker died repeatedly")
            }
            let request = try #require(server.requests.last)
            let resource = try #require(try Value.json(request.body)["resourceMetrics"]?[0])
            let metrics = resource["scopeMetrics"]?[0]?["metrics"]?.asList ?? []
            let runs = try #require(metrics.first { $0["name"] == "runnel_runs_total" }?["sum"]?["dataPoints"]?.asList)
            let labels: Value = [
                ["key": "pipeline", "value": ["stringValue": "poison"]],
                ["key": "state", "value": ["stringValue": "failed"]],
            ]
            #expect(runs.first { $0["attributes"] == labels }?["asDouble"]?.asDouble == 1)
        }
    }

    @Test("`runs.deaths` says how often")
    func setting() async throws {
        var files = files
        files["runnel.yaml"] = "runs: { deaths: 1 }"
        try await withProject(files) { (runnel) async throws -> Void in
            #expect(try await runnel.run(["run", "poison"]).status == SIGKILL)
            #expect(try await runnel.run(["runs", "resume", "last"]).status == SIGKILL)
            #expect(try await runnel.run(["runs", "resume", "last"]).status == 2)
        }
    }
}
