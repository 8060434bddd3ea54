import HTTPTestServer
import RunnelKit
import Testing

@Suite("The export of metrics of the built runnel", .timeLimit(.minutes(5))) struct MetricsExportTests {
    private static let files = [
        "runnel.yaml": "server: { port: 0 }\nlog: { level: info }\n",
        "pipelines/p.yaml": """
        name: p
        on: { schedule: { cron: "@reboot" } }
        steps: [ { uses: log, with: { message: said } } ]
        """,
    ]

    @Test("when `runnel serve` ends, its last metrics reach the receiver, with what is looked up and the last run")
    func last() async throws {
        try await TestServer.run { _ in
            .reply(200, [("content-type", "application/json")], "{}")
        } body: { server in
            let environment = [
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": server.url + "/v1/metrics",
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "authorization=Bearer%20hunter2x", "OTEL_SERVICE_NAME": "robots",
            ]
            try await withProject(Self.files, environment: environment) { runnel in
                let ended = try await runnel.interrupt(["serve", "pipelines"], after: " succeeded after ")
                #expect(!ended.error.contains("metrics"), "\(ended.error)")
            }
            #expect(server.requests.map(\.uri) == ["/v1/metrics"])
            let request = try #require(server.requests.first)
            #expect(request.headers["authorization"] == ["Bearer hunter2x"])
            let resource = try #require(try Value.json(request.body)["resourceMetrics"]?[0])
            let service: Value = ["key": "service.name", "value": ["stringValue": "robots"]]
            #expect(resource["resource"]?["attributes"]?.asList?.contains(service) == true)
            let metrics = resource["scopeMetrics"]?[0]?["metrics"]?.asList ?? []
            let runs = try #require(metrics.first { $0["name"] == "runnel_runs_total" }?["sum"]?["dataPoints"]?.asList)
            let labels: Value = [
                ["key": "pipeline", "value": ["stringValue": "p"]],
                ["key": "state", "value": ["stringValue": "succeeded"]],
            ]
            #expect(runs.first { $0["attributes"] == labels }?["asDouble"]?.asDouble == 1)
            let depth = try #require(
                metrics.first { $0["name"] == "runnel_queue_depth" }?["gauge"]?["dataPoints"]?.asList)
            #expect(depth.count == 3)
        }
    }

    @Test("a receiver of traces gets no metrics, and a receiver that is not there is told of once")
    func asked() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { server in
            try await withProject(Self.files, environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": server.url]) { runnel in
                _ = try await runnel.interrupt(["serve", "pipelines"], after: " succeeded after ")
            }
            #expect(Set(server.requests.map(\.uri)) == ["/v1/traces"])
        }
        var files = Self.files
        files["runnel.yaml"]? += "metrics: { endpoint: \"http://127.0.0.1:1\" }\n"
        try await withProject(files) { runnel in
            let ended = try await runnel.interrupt(["serve", "pipelines"], after: " succeeded after ")
            #expect(
                ended.error.split(separator: "\n").count {
                    $0.contains("metrics cannot be sent to http://127.0.0.1:1/v1/metrics: ")
                } == 1, "\(ended.error)")
        }
    }
}
