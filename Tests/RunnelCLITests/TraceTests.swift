import Foundation
import HTTPTestServer
import RunnelKit
import Testing

@Suite("Traces of the built runnel", .timeLimit(.minutes(5))) struct TraceTests {
    private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    /// All spans that a receiver got.
    private static func spans(_ server: TestServer) throws -> [ValueObject] {
        try server.requests.filter { $0.uri == "/v1/traces" }.flatMap { request -> [ValueObject] in
            let scopes = try Value.json(request.body)["resourceSpans"]?[0]?["scopeSpans"]?.asList ?? []
            return scopes.flatMap { $0["spans"]?.asList ?? [] }.compactMap(\.asObject)
        }
    }

    private static let pipeline = """
        name: p
        steps:
          - { id: script, uses: shell, with: { run: "printf %s \\"$TRACEPARENT\\"" } }
          - { id: get, uses: http.fetch, with: { url: "{{ env.SERVER }}/get" } }
          - { id: send, uses: webhook.send, with: { url: "{{ env.SERVER }}/send", json: 1 } }
          - { id: say, uses: log, with: { message: "{{ secrets.key }}" } }
        """

    @Test("the spans of a run reach the receiver before the process ends, and what the run calls joins its trace")
    func exported() async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "application/json")], "{}")
        } body: { server in
            let files = [
                "runnel.yaml": "env: [SERVER]\nsecrets: { key: { env: KEY } }\n", "p.yaml": Self.pipeline,
            ]
            let environment = [
                "SERVER": server.url, "KEY": "hunter2x", "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20hunter3x", "OTEL_SERVICE_NAME": "robots",
            ]
            try await withProject(files, environment: environment) { runnel in
                let ended = try await runnel.run(["run", "p"])
                #expect(ended.status == 0, "\(ended.error)")
                let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
                let trace = try #require(run["id"]?.asString?.replacing("-", with: ""))
                let spans = try Self.spans(server)
                let names = spans.compactMap { $0["name"]?.asString }
                #expect(names == ["step script", "step get", "step send", "step say", "invoke_workflow p"])
                #expect(Set(spans.compactMap { $0["traceId"]?.asString }) == [trace])
                for (path, name) in [("/get", "step get"), ("/send", "step send")] {
                    let call = try #require(server.requests.first { $0.uri == path })
                    let span = try #require(spans.first { $0["name"]?.asString == name }?["spanId"]?.asString)
                    #expect(call.headers["traceparent"] == ["00-\(trace)-\(span)-03"])
                }
                let script = try #require(spans.first?["spanId"]?.asString)
                #expect(
                    run["steps"]?[0]?["output"]?["stdout"] == .string("00-\(trace)-\(script)-03"))
                let export = try #require(server.requests.first { $0.uri == "/v1/traces" })
                #expect(export.headers["authorization"] == ["Bearer hunter3x"])
                #expect(export.body.contains(#"{"key":"service.name","value":{"stringValue":"robots"}}"#))
                #expect(!export.body.contains("hunter2x"))
            }
        }
    }

    @Test("`TRACEPARENT` of the environment is the trace of the run, also where nothing is exported")
    func environment() async throws {
        let files = ["p.yaml": Self.pipeline.split(separator: "\n").prefix(3).joined(separator: "\n") + "\n"]
        for (text, isKept) in [(Self.parent, true), ("00-zz", false)] {
            try await withProject(files, environment: ["TRACEPARENT": text]) { runnel in
                #expect(try await runnel.run(["run", "p"]).status == 0)
                let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
                let seen = try #require(run["steps"]?[0]?["output"]?["stdout"]?.asString)
                #expect((seen == text) == isKept)
                #expect(TraceContext(traceparent: seen) != nil)
            }
        }
    }

    @Test("a run that was killed goes on in its trace, and its new span links to the one that died")
    func resumed() async throws {
        let pipeline = """
            name: p
            steps:
              - { id: first, uses: shell, with: { run: "echo one" } }
              - { id: second, uses: shell, with: { run: "echo now; test -e go || sleep 60" } }
            """
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "TRACEPARENT": Self.parent]
            try await withProject(["p.yaml": pipeline], environment: environment) { runnel in
                let killed = try await runnel.kill(["run", "p"], after: "now")
                #expect(killed.status == SIGKILL)
                #expect(try Self.spans(server).isEmpty)
                try Data().write(to: URL(fileURLWithPath: runnel.directory + "/go"))
                var later = runnel
                later.environment["TRACEPARENT"] = nil
                let resumed = try await later.run(["runs", "resume", "last"])
                #expect(resumed.status == 0, "\(resumed.error)")
                let spans = try Self.spans(server)
                #expect(spans.compactMap { $0["name"]?.asString } == ["step second", "invoke_workflow p"])
                let root = try #require(spans.last)
                #expect(root["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736")
                #expect(root["parentSpanId"] == "00f067aa0ba902b7")
                let link = try #require(root["links"]?[0])
                #expect(link["traceId"] == root["traceId"])
                #expect(link["spanId"] != root["spanId"])
                #expect(link["spanId"]?.asString?.utf8.count == 16)
            }
        }
    }

    @Test("a retry is a trace of its own, and its span links to that of the run that it retries")
    func retried() async throws {
        let pipeline = "name: p\nsteps: [ { id: only, uses: shell, with: { run: \"exit 3\" } } ]\n"
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": server.url]
            try await withProject(["p.yaml": pipeline], environment: environment) { runnel in
                #expect(try await runnel.run(["run", "p"]).status == 1)
                #expect(try await runnel.run(["runs", "retry", "last"]).status == 1)
                let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output)
                let ids = try (runs.asList ?? []).map { try #require($0["id"]?.asString) }
                let roots = try Self.spans(server).filter { $0["name"] == "invoke_workflow p" }
                #expect(roots.map { $0["traceId"]?.asString } == ids.reversed().map { $0.replacing("-", with: "") })
                let (first, second) = (try #require(roots.first), try #require(roots.last))
                #expect(first["links"] == nil)
                #expect(second["links"]?.asList?.count == 1)
                #expect(second["links"]?[0]?["traceId"] == first["traceId"])
                #expect(second["links"]?[0]?["spanId"] == first["spanId"])
                let attribute: Value = ["key": "runnel.run.retry_of", "value": ["stringValue": .string(ids[1])]]
                #expect(second["attributes"]?.asList?.contains(attribute) == true)
            }
        }
    }

    @Test("each line of the log about a run has the id of its trace")
    func logLines() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\nlog: { format: json, level: info }\n",
            "pipelines/p.yaml": """
            name: p
            on: { schedule: { cron: "@reboot" } }
            steps: [ { uses: log, with: { message: said } } ]
            """,
        ]
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            try await withProject(files, environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": server.url]) { runnel in
                let ended = try await runnel.interrupt(["serve", "pipelines"], after: " succeeded after ")
                let runs = try Value.json(try await runnel.run(["runs", "list", "--json"]).output)
                let id = try #require(runs[0]?["id"]?.asString)
                let lines = try ended.error.split(separator: "\n").map { try Value.json(Array($0.utf8)) }
                for words in ["run \(id) of p began (", "said", "run \(id) of p succeeded after "] {
                    let line = try #require(
                        lines.first { $0["message"]?.asString?.hasPrefix(words) == true }, "\(words) in \(ended.error)")
                    #expect(line["trace"] == .string(id.replacing("-", with: "")))
                    #expect(line["run"] == .string(id))
                }
            }
            // A run that came with a trace is logged with that trace, also where nothing is exported.
            try await withProject(files, environment: ["TRACEPARENT": Self.parent]) { runnel in
                let ended = try await runnel.run(["run", "pipelines/p"])
                let lines = ended.error.split(separator: "\n").compactMap { try? Value.json(Array($0.utf8)) }
                let line = try #require(lines.first { $0["message"] == "said" }, "\(ended.error)")
                #expect(line["trace"] == "4bf92f3577b34da6a3ce929d0e0e4736")
            }
        }
    }

    @Test("a receiver that is not there delays nothing and is told of once")
    func missing() async throws {
        let files = [
            "runnel.yaml": "traces: { endpoint: \"http://127.0.0.1:1\" }\n", "p.yaml": "steps: [ { uses: log } ]\n",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.status == 0)
            #expect(
                ended.error.split(separator: "\n").count {
                    $0.contains("traces cannot be sent to http://127.0.0.1:1/v1/traces")
                }
                    == 1)
        }
    }
}
