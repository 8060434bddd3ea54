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
        #expect(try resolve(environment).configuration?.endpoint.text == url)
    }

    @Test("`traces.endpoint` may hold the path or leave it out; variables win over it")
    func settings() throws {
        for text in ["http://a:1", "http://a:1/", "http://a:1/v1/traces"] {
            let found = try resolve(yaml: ["endpoint": .string(text), "content": true, "sample": 0.25])
            #expect(found.configuration?.endpoint.text == "http://a:1/v1/traces")
            #expect(found.configuration?.recordsContent == true)
            #expect(found.configuration?.sample == 0.25)
        }
        #expect(
            try resolve(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://b"], yaml: ["endpoint": "http://a"])
                .configuration?.endpoint.text == "http://b/v1/traces")
        // Runnel's own variable is already in the settings.
        #expect(
            try resolve(
                ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://b", "RUNNEL_TRACES_ENDPOINT": "http://a"],
                yaml: ["endpoint": "http://a"]
            ).configuration?.endpoint.text == "http://a/v1/traces")
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
        let configuration = try #require(found.configuration)
        #expect(found.warnings == [])
        #expect(configuration.headers.map(\.name) == ["authorization", "x-scope-orgid"])
        #expect(configuration.headers.map(\.value) == ["Bearer abc", "team=1"])
        #expect(configuration.timeout == .milliseconds(2500))
        let resource = Dictionary(configuration.resource.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        #expect(resource["service.name"] == "robots")
        #expect(resource["deployment.environment.name"] == "prod")
        #expect(resource["service.version"] == "1.2.3")
        #expect(resource["host.name"] == "box")
        #expect(configuration.resource.count { $0.key == "service.name" } == 1)
    }

    @Test("the form is JSON, unless the protocol or `traces.format` says otherwise; gRPC is told")
    func formats() throws {
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"]
        #expect(try resolve(endpoint).configuration?.format == .json)
        #expect(try resolve(endpoint, yaml: ["format": "protobuf"]).configuration?.format == .protobuf)
        for (value, format) in [("http/json", TraceSettings.Format.json), ("http/protobuf", .protobuf)] {
            for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
                #expect(try resolve(endpoint.merging([name: value]) { $1 }).configuration?.format == format)
            }
        }
        let grpc = try resolve(endpoint.merging(["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"]) { $1 })
        #expect(grpc.configuration?.format == .json)
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
        #expect(found.configuration?.headers.isEmpty == true)
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
