import LibC
import RunnelEngine
import RunnelHTTP
import RunnelKit
import Testing

@testable import Telemetry

@Suite("Where traces are sent") struct TraceConfigurationTests {
    private func resolve(
        _ environment: [String: String] = [:], yaml: Value = [:], headers: [String: String] = [:]
    ) throws -> (configuration: TraceConfiguration?, warnings: [String]) {
        var warnings: [String] = []
        let settings = try TraceSettings(field: yaml)
        let configuration = TraceConfiguration.resolve(
            settings, headers: headers, environment: environment, version: "1.2.3", host: "box", warnings: &warnings)
        return (configuration, warnings)
    }

    @Test("nowhere, unless a receiver is named")
    func off() throws {
        #expect(try resolve().configuration == nil)
        #expect(try resolve(["OTEL_EXPORTER_OTLP_ENDPOINT": ""]).configuration == nil)
        #expect(try resolve(["OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"]).configuration == nil)
    }

    @Test(
        "the path is added to a base URL, and a URL for traces is taken as it is",
        arguments: [
            (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"], "http://localhost:4318/v1/traces"),
            (
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "https://otlp.example.org/otlp/"],
                "https://otlp.example.org/otlp/v1/traces"
            ),
            (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:6006/in"], "http://localhost:6006/in"),
            (
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/x"],
                "http://b/x"
            ),
        ])
    func endpoints(environment: [String: String], url: String) throws {
        #expect(try resolve(environment).configuration?.receiver.endpoint.text == url)
    }

    @Test("`traces.endpoint` may hold the path or leave it out; variables win over it")
    func settings() throws {
        for text in ["http://a:1", "http://a:1/", "http://a:1/v1/traces"] {
            let found = try resolve(yaml: ["endpoint": .string(text), "content": true, "sample": 0.25])
            #expect(found.configuration?.receiver.endpoint.text == "http://a:1/v1/traces")
            #expect(found.configuration?.recordsContent == true)
            #expect(found.configuration?.sample == 0.25)
        }
        #expect(
            try resolve(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"], yaml: ["endpoint": "http://a"])
                .configuration?.receiver.endpoint.text == "http://b/v1/traces")
        // Runnel's own variable is already in the settings.
        #expect(
            try resolve(
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://b", "RUNNEL_TRACES_ENDPOINT": "http://a"],
                yaml: ["endpoint": "http://a"]
            ).configuration?.receiver.endpoint.text == "http://a/v1/traces")
    }

    @Test("OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER=none switch it off")
    func disabled() throws {
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"]
        for (name, value, isOn) in [
            ("OTEL_SDK_DISABLED", "true", false), ("OTEL_SDK_DISABLED", "TRUE", false),
            ("OTEL_SDK_DISABLED", "false", true), ("OTEL_TRACES_EXPORTER", "none", false),
            ("OTEL_TRACES_EXPORTER", "otlp", true),
        ] {
            let found = try resolve(endpoint.merging([name: value]) { $1 }, yaml: ["endpoint": "http://a"])
            #expect((found.configuration != nil) == isOn, "\(name)=\(value)")
        }
    }

    @Test("header fields and attributes are read as OpenTelemetry writes them, percent-encoded")
    func pairs() throws {
        let found = try resolve([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc, x-scope-orgid = team=1 ",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=prod,service.name=ignored",
            "OTEL_SERVICE_NAME": "robots", "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
        ])
        let configuration = try #require(found.configuration?.receiver)
        #expect(found.warnings == [])
        #expect(configuration.headers.map(\.name) == ["authorization", "x-scope-orgid"])
        #expect(configuration.headers.map(\.value) == ["Bearer abc", "team=1"])
        #expect(configuration.timeout == .milliseconds(2500))
        let resource = Dictionary(configuration.resource.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        #expect(resource["service.name"] == "robots")
        #expect(resource["deployment.environment.name"] == "prod")
        #expect(resource["service.version"] == "1.2.3")
        #expect(resource["host.name"] == "box")
        #expect(resource["service.instance.id"] == "box/\(getpid())")
        #expect(configuration.resource.count { $0.key == "service.name" } == 1)
    }

    @Test("the form is JSON, unless the protocol or `traces.format` says otherwise; gRPC is told")
    func formats() throws {
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"]
        #expect(try resolve(endpoint).configuration?.receiver.format == .json)
        #expect(try resolve(endpoint, yaml: ["format": "protobuf"]).configuration?.receiver.format == .protobuf)
        for (value, format) in [("http/json", OTLPFormat.json), ("http/protobuf", .protobuf)] {
            for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
                #expect(try resolve(endpoint.merging([name: value]) { $1 }).configuration?.receiver.format == format)
            }
        }
        let grpc = try resolve(endpoint.merging(["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"]) { $1 })
        #expect(grpc.configuration?.receiver.format == .json)
        #expect(
            grpc.warnings == [
                #"OTEL_EXPORTER_OTLP_PROTOCOL: Runnel sends `http/json` and `http/protobuf`, not "grpc""#
            ])
    }

    @Test("what cannot be used is told, and a header's text is not quoted")
    func warnings() throws {
        let found = try resolve([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_HEADERS": "hunter2x,a b=c",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "soon",
        ])
        #expect(found.configuration?.receiver.headers.isEmpty == true)
        #expect(
            found.warnings == [
                "OTEL_EXPORTER_OTLP_HEADERS: expected `name=value,name=value`; an entry that reads otherwise is left out",
                #"OTEL_EXPORTER_OTLP_HEADERS: "a b" is not a header name"#,
                #"OTEL_EXPORTER_OTLP_TIMEOUT: expected milliseconds from 1 to 600000, found "soon""#,
            ])
        let bad = try resolve(["OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"])
        #expect(bad.configuration == nil)
        #expect(bad.warnings.count == 1)
        #expect(
            bad.warnings.first?.hasPrefix("OTEL_EXPORTER_OTLP_ENDPOINT is not a URL that traces can be sent to: ")
                == true)
    }
}

@Suite("Where metrics are sent") struct MetricsConfigurationTests {
    private func resolve(
        _ environment: [String: String] = [:], yaml: Value = [:]
    ) throws -> (configuration: MetricsConfiguration?, warnings: [String]) {
        var warnings: [String] = []
        let settings = try MetricsSettings(field: yaml)
        let configuration = MetricsConfiguration.resolve(
            settings, headers: [:], environment: environment, version: "1.2.3", host: "box", warnings: &warnings)
        return (configuration, warnings)
    }

    @Test("nowhere, where only a receiver of everything is named and metrics are not asked for")
    func off() throws {
        let environments: [[String: String]] = [
            [:], ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"],
            ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_METRICS_EXPORTER": "prometheus"],
            ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "otlp"],
        ]
        for environment in environments {
            let found = try resolve(environment)
            #expect(found.configuration == nil, "\(environment)")
            #expect(found.warnings == [])
        }
        for name in ["OTEL_METRICS_EXPORTER", "OTEL_SDK_DISABLED"] {
            let value = name == "OTEL_SDK_DISABLED" ? "true" : "none"
            let found = try resolve(
                ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a", name: value], yaml: ["endpoint": "http://a"])
            #expect(found.configuration == nil, "\(name)")
        }
    }

    @Test("a URL for metrics is taken as it is, and the path is added to other ones")
    func endpoints() throws {
        let whole = ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://b/x"]
        #expect(try resolve(whole).configuration?.receiver.endpoint.text == "http://b/x")
        let asked = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://b/", "OTEL_METRICS_EXPORTER": "prometheus, otlp"]
        let yaml: Value = ["endpoint": "http://a"]
        #expect(try resolve(asked).configuration?.receiver.endpoint.text == "http://b/v1/metrics")
        #expect(try resolve(asked, yaml: yaml).configuration?.receiver.endpoint.text == "http://b/v1/metrics")
        #expect(try resolve(yaml: yaml).configuration?.receiver.endpoint.text == "http://a/v1/metrics")
        // The receiver of traces is not the receiver of metrics.
        let traces = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"]
        #expect(try resolve(traces, yaml: yaml).configuration?.receiver.endpoint.text == "http://a/v1/metrics")
        // Runnel's own variable is already in the settings.
        let own = asked.merging(["RUNNEL_METRICS_ENDPOINT": "http://a"]) { $1 }
        #expect(try resolve(own, yaml: yaml).configuration?.receiver.endpoint.text == "http://a/v1/metrics")
    }

    @Test(
        "the variables for metrics win over the general ones, and OTEL_METRIC_EXPORT_INTERVAL over `metrics.interval`")
    func variables() throws {
        let found = try resolve(
            [
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_HEADERS": "a=1",
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "b=2", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
                "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "2500", "OTEL_METRIC_EXPORT_INTERVAL": "1500",
            ], yaml: ["interval": "30s"])
        let configuration = try #require(found.configuration)
        #expect(found.warnings == [])
        #expect(configuration.receiver.headers.map(\.name) == ["b"])
        #expect(configuration.receiver.format == .protobuf)
        #expect(configuration.receiver.timeout == .milliseconds(2500))
        #expect(configuration.interval == .milliseconds(1500))
        let endpoint = ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a"]
        #expect(try resolve(endpoint, yaml: ["interval": "30s"]).configuration?.interval == .seconds(30))
        #expect(try resolve(endpoint).configuration?.interval == .seconds(60))
    }

    @Test("what cannot be used is told")
    func warnings() throws {
        let missing = try resolve(["OTEL_METRICS_EXPORTER": "otlp"])
        #expect(missing.configuration == nil)
        #expect(
            missing.warnings == [
                "OTEL_METRICS_EXPORTER is `otlp`, and no receiver is named: set OTEL_EXPORTER_OTLP_ENDPOINT"
            ])
        let interval = try resolve(
            ["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://a", "OTEL_METRIC_EXPORT_INTERVAL": "1m"])
        #expect(interval.configuration?.interval == .seconds(60))
        #expect(
            interval.warnings == [
                #"OTEL_METRIC_EXPORT_INTERVAL: expected milliseconds from 1 to 86400000, found "1m""#
            ])
    }
}
