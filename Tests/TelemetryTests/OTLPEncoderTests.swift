import Foundation
import RunnelEngine
import RunnelKit
import Testing
import Tracing

@testable import Telemetry

#if canImport(FoundationEssentials)
import FoundationEssentials
#endif

@Suite("OTLP in JSON") struct OTLPEncoderTests {
    private static let encoder = OTLPEncoder(
        resource: [("service.name", "runnel")], version: "1.2.3", redactor: Redactor(secrets: ["hunter2x"]))

    private static func spans(_ yaml: String, trigger: Value = ["type": "manual"]) async throws -> [FinishedSpan] {
        let log = SpanLog()
        try await run(yaml, trigger: trigger, RunTracing(tracer: log.tracer()))
        return log.all
    }

    private static func request(_ spans: [FinishedSpan]) throws -> Value { try Value.json(encoder.request(spans)) }

    @Test("ids are hexadecimal, 64-bit integers are strings, keys are in lowerCamelCase")
    func form() async throws {
        let spans = try await Self.spans("name: p\nsteps: [ { id: s, uses: fail } ]")
        let request = try Self.request(spans)
        let resource = try #require(request["resourceSpans"]?[0])
        #expect(
            resource["resource"] == ["attributes": [["key": "service.name", "value": ["stringValue": "runnel"]]]])
        let scope = try #require(resource["scopeSpans"]?[0])
        #expect(scope["scope"] == ["name": "runnel", "version": "1.2.3"])
        #expect(scope["schemaUrl"] == .string(GenAIConventions.schemaURL))
        let step = try #require(scope["spans"]?[0]?.asObject)
        #expect(step["traceId"] == "0198c0de000070008000000000000001")
        #expect(step["spanId"]?.asString?.utf8.count == 16)
        #expect(step["parentSpanId"] == scope["spans"]?[1]?["spanId"])
        #expect(step["name"] == "step s")
        #expect(step["kind"] == 1)
        #expect(step["startTimeUnixNano"] == "1767225600000000000")
        #expect(step["endTimeUnixNano"] == "1767225600000000000")
        #expect(step["status"] == ["code": 2, "message": "it broke"])
        #expect(
            step["attributes"]?.asList?.first == ["key": "error.type", "value": ["stringValue": "broken"]])
        #expect(
            step["attributes"]?.asList?.contains(
                ["key": "runnel.step.attempt", "value": ["intValue": "1"]]) == true)
        #expect(
            Set(step.keys).isSubset(of: [
                "traceId", "spanId", "parentSpanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
                "attributes", "status",
            ]))
    }

    @Test("a request is compact, with keys in a fixed order, attributes sorted by key, and texts escaped")
    func bytes() throws {
        let context = try #require(
            TraceContext(
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tracestate: "a=1"))
        var span = FinishedSpan(
            context: context, parentID: "1112131415161718", name: "say \"hi\"", kind: .client, start: 7)
        span.end = 9
        span.attributes["b"] = Int64(-7)
        span.attributes["a"] = true
        span.attributes["d"] = Double.infinity
        span.attributes["c"] = ["x", "y"]
        span.events = [
            SpanEvent(name: "e", at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 8), attributes: [:]),
            SpanEvent(name: "f", at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 9), attributes: ["k": "v"]),
        ]
        span.droppedEvents = 3
        var link = ServiceContext.topLevel
        link.traceContext = context
        span.links = [
            SpanLink(context: .topLevel, attributes: [:]), SpanLink(context: link, attributes: [:]),
            SpanLink(context: link, attributes: [:]),
        ]
        span.status = SpanStatus(code: .error, message: "no\nhunter2x")
        let bare = FinishedSpan(context: context, parentID: nil, name: "s", kind: .internal, start: 1)
        let ids = #""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7""#
        let resource = #"{"attributes":[{"key":"service.name","value":{"stringValue":"runnel"}}]}"#
        let attributes = [
            #"{"key":"a","value":{"boolValue":true}}"#, #"{"key":"b","value":{"intValue":"-7"}}"#,
            #"{"key":"c","value":{"arrayValue":{"values":[{"stringValue":"x"},{"stringValue":"y"}]}}}"#,
            #"{"key":"d","value":{"doubleValue":"Infinity"}}"#,
        ].joined(separator: ",")
        let expected = [
            #"{"resourceSpans":[{"resource":\#(resource),"scopeSpans":[{"scope":{"name":"runnel","version":"1.2.3"},"#,
            #""schemaUrl":"\#(GenAIConventions.schemaURL)","spans":[{\#(ids),"flags":1,"name":"say \"hi\"","kind":3,"#,
            #""startTimeUnixNano":"7","endTimeUnixNano":"9","parentSpanId":"1112131415161718","traceState":"a=1","#,
            #""attributes":[\#(attributes)],"events":[{"timeUnixNano":"8","name":"e","attributes":[]},"#,
            #"{"timeUnixNano":"9","name":"f","attributes":[{"key":"k","value":{"stringValue":"v"}}]}],"#,
            #""droppedEventsCount":3,"links":[{\#(ids),"attributes":[],"flags":1},{\#(ids),"attributes":[],"flags":1}],"#,
            #""status":{"code":2,"message":"no\n***"}},{\#(ids),"flags":1,"name":"s","kind":1,"#,
            #""startTimeUnixNano":"1","endTimeUnixNano":"0","traceState":"a=1","attributes":[]}]}]}]}"#,
        ].joined()
        #expect(String(decoding: Self.encoder.request([span, bare]), as: UTF8.self) == expected)
    }

    @Test("a secret is masked wherever it stands in a span")
    func secrets() throws {
        let log = SpanLog()
        let span = log.tracer().startSpan("to hunter2x")
        span.attributes["key"] = "a hunter2x b"
        span.attributes["list"] = ["hunter2x"]
        span.addEvent(SpanEvent(name: "hunter2x", attributes: ["k": "hunter2x"]))
        span.setStatus(SpanStatus(code: .error, message: "no hunter2x"))
        span.end()
        let text = String(decoding: Self.encoder.request(log.all), as: UTF8.self)
        #expect(!text.contains("hunter2x"))
        #expect(text.contains("a *** b"))
    }

    @Test("what a span holds is bounded")
    func bounded() throws {
        let log = SpanLog()
        let span = log.tracer().startSpan("s")
        for number in 0..<200 {
            span.attributes["k\(number)"] = Int64(number)
            span.addEvent("e")
        }
        span.attributes["k0"] = String(repeating: "é", count: 40_000)
        span.end()
        let request = try Self.request(log.all)
        let json = try #require(request["resourceSpans"]?[0]?["scopeSpans"]?[0]?["spans"]?[0])
        #expect(json["attributes"]?.asList?.count == 128)
        #expect(json["droppedAttributesCount"] == 72)
        #expect(json["events"]?.asList?.count == 128)
        #expect(json["droppedEventsCount"] == 72)
        #expect((json.json().utf8.count) < 60_000)
    }

    private static let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/python/bin/python").path(percentEncoded: false)

    private static func check(_ lines: String) throws -> (status: Int32, output: String) {
        let script = try #require(Bundle.module.url(forResource: "Resources/check_otlp", withExtension: "py"))
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [script.path(percentEncoded: false)]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(lines.utf8))
        try input.fileHandleForWriting.close()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said)
    }

    private static let hasSchema: Bool = {
        guard FileManager.default.isExecutableFile(atPath: python) else { return false }
        return (try? check(""))?.status == 0
    }()

    @Test(
        "the protobuf schema of OpenTelemetry reads both forms, with nothing that it does not know, and as the same",
        .enabled(if: hasSchema, "opentelemetry-proto from PyPI is not there; `make setup-tests` installs it"))
    func schema() async throws {
        var spans = try await Self.spans(
            "name: p\nsteps: [ { id: s, uses: fail, with: { until: 2 }, retry: { attempts: 2, backoff: 1ms } }, { uses: fail } ]",
            trigger: ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"])
        let log = SpanLog()
        let span = log.tracer().startSpan("everything", ofKind: .client)
        span.attributes["bool"] = true
        span.attributes["double"] = 1.5
        span.attributes["nan"] = Double.nan
        span.attributes["infinity"] = -Double.infinity
        span.attributes["big"] = Int64.max
        span.attributes["texts"] = ["a", "b"]
        span.attributes["numbers"] = [Int64(1), 2]
        span.attributes["doubles"] = [0.5]
        span.attributes["bools"] = [true]
        span.attributes["negative"] = Int64(-7)
        for _ in 0..<130 { span.addEvent(SpanEvent(name: "event", attributes: ["k": "é"])) }
        for number in 0..<130 { span.attributes["k\(number)"] = "v" }
        span.addLink(SpanLink(context: span.context, attributes: ["why": "test"]))
        span.end()
        spans += log.all
        try Self.expectBothForms(
            of: Self.request(spans),
            """
            1 step s 0
            1 step fail 2
            1 invoke_workflow p 2
            3 everything 0

            """)
    }

    private static func expectBothForms(of request: Value, _ lines: String) throws {
        let binary = Data(ProtobufWriter.request(request)).base64EncodedString()
        let outcome = try check(request.json() + "\n" + binary + "\n")
        #expect(outcome.status == 0)
        #expect(outcome.output == lines + lines)
    }

    private static let families = [
        MetricFamily(
            name: "runs_total", help: "Runs.", kind: .counter,
            series: [
                MetricFamily.Series(labels: [("pipeline", "é"), ("state", "failed")], value: 3),
                MetricFamily.Series(labels: [("pipeline", "hunter2x"), ("state", "failed")], value: 0),
            ]),
        MetricFamily(
            name: "depth", help: nil, kind: .gauge,
            series: [
                MetricFamily.Series(value: -1.5), MetricFamily.Series(labels: [("of", "nan")], value: .nan),
                MetricFamily.Series(labels: [("of", "infinity")], value: .infinity),
            ]),
        MetricFamily(
            name: "took_seconds", help: "How long.", kind: .histogram, bounds: [0.5, 1, 300],
            series: [
                MetricFamily.Series(labels: [("uses", "log")], value: 912.25, count: 6, buckets: [1, 0, 2]),
                MetricFamily.Series(labels: [("uses", "none")], value: 0, count: 0, buckets: [0, 0, 0]),
            ]),
    ]

    @Test("counters are monotonic sums, gauges have no start, and the buckets of histograms are not cumulated")
    func metrics() throws {
        let request = Self.encoder.request(Self.families, start: 5, now: 7)
        let resource = try #require(request["resourceMetrics"]?[0])
        #expect(
            resource["resource"] == ["attributes": [["key": "service.name", "value": ["stringValue": "runnel"]]]])
        let scope = try #require(resource["scopeMetrics"]?[0])
        #expect(scope["scope"] == ["name": "runnel", "version": "1.2.3"])
        let metrics = try #require(scope["metrics"]?.asList)
        func labels(_ pairs: [(String, String)]) -> Value {
            .list(pairs.map { ["key": .string($0.0), "value": ["stringValue": .string($0.1)]] })
        }
        let sum: Value = [
            "dataPoints": [
                [
                    "attributes": labels([("pipeline", "é"), ("state", "failed")]), "timeUnixNano": "7",
                    "startTimeUnixNano": "5", "asDouble": 3.0,
                ],
                [
                    "attributes": labels([("pipeline", "***"), ("state", "failed")]), "timeUnixNano": "7",
                    "startTimeUnixNano": "5", "asDouble": 0.0,
                ],
            ],
            "aggregationTemporality": 2, "isMonotonic": true,
        ]
        #expect(metrics[0] == ["name": "runs_total", "description": "Runs.", "sum": sum])
        let gauge: Value = [
            "dataPoints": [
                ["attributes": [], "timeUnixNano": "7", "asDouble": -1.5],
                ["attributes": labels([("of", "nan")]), "timeUnixNano": "7", "asDouble": "NaN"],
                ["attributes": labels([("of", "infinity")]), "timeUnixNano": "7", "asDouble": "Infinity"],
            ]
        ]
        #expect(metrics[1] == ["name": "depth", "gauge": gauge])
        #expect(metrics[2]["unit"] == "s")
        let histogram = try #require(metrics[2]["histogram"])
        #expect(histogram["aggregationTemporality"] == 2)
        #expect(
            histogram["dataPoints"]?[0] == [
                "attributes": labels([("uses", "log")]), "timeUnixNano": "7", "startTimeUnixNano": "5", "count": "6",
                "sum": 912.25, "bucketCounts": ["1", "0", "2", "3"], "explicitBounds": [0.5, 1.0, 300.0],
            ])
    }

    @Test(
        "the protobuf schema of OpenTelemetry reads both forms of metrics, and as the same",
        .enabled(if: hasSchema, "opentelemetry-proto from PyPI is not there; `make setup-tests` installs it"))
    func metricsSchema() throws {
        try Self.expectBothForms(
            of: Self.encoder.request(Self.families, start: 5, now: 7),
            """
            sum runs_total 2
            gauge depth 3
            histogram took_seconds 2

            """)
    }
}
