import HTTPTestServer
import Logging
import RunnelEngine
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import Telemetry

@Suite("The exporter of metrics", .timeLimit(.minutes(5))) struct MetricsExporterTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func family(_ name: String, value: Double = 1, series count: Int = 1) -> MetricFamily {
        MetricFamily(
            name: name, help: nil, kind: .counter,
            series: (0..<count).map { MetricFamily.Series(labels: [("n", "\($0)")], value: value) })
    }

    /// Makes an exporter that sends to a receiver, and returns what came there.
    private func export(
        logger: Logger = Self.quiet, clock: any Clock<Duration> = ManualClock(), timeout: Duration = .seconds(5),
        format: OTLPFormat = .json, measure: @escaping @Sendable () async -> [MetricFamily],
        answer: @escaping @Sendable (TestServer.Request) -> TestServer.Answer,
        body: @escaping @Sendable (MetricsExporter) async throws -> Void
    ) async throws -> [TestServer.Request] {
        try await TestServer.run(answer) { server in
            var receiver = OTLPReceiver(
                endpoint: try HTTPURL(server.url + "/v1/metrics"), headers: [("authorization", "Bearer x")],
                timeout: timeout)
            receiver.format = format
            let services = Services()
            await HTTPClientService.register(in: services)
            let exporter = MetricsExporter(
                MetricsConfiguration(receiver), version: "1.2.3", redactor: Redactor(secrets: [String]()),
                sender: try await services.get(HTTPClientService.self), logger: logger, clock: clock, now: { 7 },
                measure: measure)
            try await body(exporter)
            await services.shutDown()
            return server.requests
        }
    }

    private static func metrics(_ request: TestServer.Request) throws -> [Value] {
        let scopes = try Value.json(Array(request.body.utf8))["resourceMetrics"]?[0]?["scopeMetrics"]
        return scopes?[0]?["metrics"]?.asList ?? []
    }

    @Test("metrics are read anew and sent at each interval, with the header fields of the configuration")
    func interval() async throws {
        let clock = ManualClock()
        let measured = Mutex(0)
        let arrived = Mutex(0)
        let requests = try await export(clock: clock) {
            let value = measured.withLock { measured in
                measured += 1
                return measured
            }
            return [Self.family("n_total", value: Double(value))]
        } answer: { _ in
            arrived.withLock { $0 += 1 }
            return .reply(200, [], "{}")
        } body: { exporter in
            let work = Task { await exporter.run() }
            for count in 1...2 {
                while clock.timeUntilNextDeadline != .seconds(60) { try await waitTurn() }
                clock.advance(by: .seconds(60))
                while arrived.withLock({ $0 }) < count { try await waitTurn() }
            }
            work.cancel()
            await work.value
        }
        #expect(requests.map(\.uri) == ["/v1/metrics", "/v1/metrics"])
        #expect(requests.first?.headers["content-type"] == ["application/json"])
        #expect(requests.first?.headers["authorization"] == ["Bearer x"])
        #expect(requests.first?.headers["user-agent"] == ["Runnel/1.2.3"])
        let values = try requests.map { try Self.metrics($0)[0]["sum"]?["dataPoints"]?[0]?["asDouble"]?.asDouble }
        #expect(values == [1, 2])
        #expect(try Self.metrics(requests[0])[0]["sum"]?["dataPoints"]?[0]?["startTimeUnixNano"] == "7")
    }

    @Test("header fields that are replaced are those of the next request")
    func replacedHeaders() async throws {
        try await TestServer.run { _ in
            .reply(200)
        } body: { server async throws in
            let receiver = OTLPReceiver(
                endpoint: try HTTPURL(server.url + "/v1/metrics"), headers: [("authorization", "Bearer x")])
            let services = Services()
            await HTTPClientService.register(in: services)
            let exporter = MetricsExporter(
                MetricsConfiguration(receiver), version: "1.2.3", redactor: Redactor(secrets: [String]()),
                sender: try await services.get(HTTPClientService.self), logger: Self.quiet, clock: ManualClock(),
                now: { 7 },
                measure: { [Self.family("n_total")] })
            await exporter.exportLast()
            receiver.headers = [("authorization", "Bearer y")]
            await exporter.exportLast()
            await services.shutDown()
            #expect(server.requests.map { $0.headers["authorization"] } == [["Bearer x"], ["Bearer y"]])
        }
    }

    @Test("a request holds no more series than its limit, unless one family has more")
    func parts() async throws {
        let most = MetricsExporter.maximumSeries
        let requests = try await export {
            [
                Self.family("a_total", series: most), Self.family("b_total"), Self.family("c_total", series: most - 1),
                Self.family("d_total", series: most + 1),
            ]
        } answer: { _ in
            .reply(200)
        } body: { exporter in
            await exporter.exportLast()
        }
        let names = try requests.map { try Self.metrics($0).compactMap { $0["name"]?.asString } }
        #expect(names == [["a_total"], ["b_total", "c_total"], ["d_total"]])
    }

    @Test("protobuf is sent as such")
    func protobuf() async throws {
        let requests = try await export(format: .protobuf) {
            [Self.family("n_total")]
        } answer: { _ in
            .reply(200)
        } body: { exporter in
            await exporter.exportLast()
        }
        #expect(requests.map { $0.headers["content-type"] } == [["application/x-protobuf"]])
    }

    @Test("an outage is logged once, and its end too; what is rejected is told")
    func outage() async throws {
        let log = LogRecorder()
        let count = Mutex(0)
        _ = try await export(logger: log.logger) {
            [Self.family("n_total")]
        } answer: { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return .reply(
                number < 3 ? 400 : 200, [], #"{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"too old"}}"#)
        } body: { exporter in
            for _ in 0..<3 { await exporter.exportLast() }
        }
        let lines = log.lines.map { $0.replacing(/127\.0\.0\.1:\d+/, with: "HOST") }
        #expect(
            lines == [
                "warning metrics cannot be sent to http://HOST/v1/metrics: it answered 400 Bad Request",
                "warning http://HOST/v1/metrics rejected 1 data points: too old",
                "notice metrics are sent to http://HOST/v1/metrics again",
            ])
    }

    @Test("a receiver that never answers holds the end up for no longer than the limit")
    func silence() async throws {
        let log = LogRecorder()
        _ = try await export(logger: log.logger, clock: ContinuousClock(), timeout: .seconds(3600)) {
            [Self.family("n_total")]
        } answer: { _ in
            .silence
        } body: { exporter in
            await exporter.exportLast(within: .milliseconds(200))
        }
        let lines = log.lines.map { $0.replacing(/127\.0\.0\.1:\d+/, with: "HOST") }
        #expect(lines == ["warning the last metrics were not sent to http://HOST/v1/metrics before the end"])
    }
}
