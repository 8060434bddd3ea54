import HTTPTestServer
import Logging
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing
import Tracing

@testable import Telemetry

@Suite("The exporter of traces", .timeLimit(.minutes(5))) struct SpanExporterTests {
    private static let services = Services()

    /// Sends `count` spans to a receiver, and ends the exporter.
    private func export(
        _ count: Int, limits: SpanExporter.Limits = .init(), clock: any Clock<Duration> = ManualClock(),
        headers: [(name: String, value: String)] = [], timeout: Duration = .seconds(5), logger: Logger = Self.quiet,
        _ answer: @escaping @Sendable (TestServer.Request) -> TestServer.Answer
    ) async throws -> [TestServer.Request] {
        try await TestServer.run(answer) { server in
            let receiver = OTLPReceiver(
                endpoint: try HTTPURL(server.url + "/v1/traces"), headers: headers, timeout: timeout)
            try await withSender { sender in
                let exporter = SpanExporter(
                    receiver, encoder: Self.encoder, sender: sender, logger: logger, limits: limits, clock: clock,
                    now: { 0 })
                for number in 0..<count { exporter.add(Self.span("span \(number)")) }
                await exporter.shutDown()
            }
            return server.requests
        }
    }

    private func withSender(_ body: (any HTTPSender) async throws -> Void) async throws {
        let services = Services()
        await HTTPClientService.register(in: services)
        try await body(try await services.get(HTTPClientService.self))
        await services.shutDown()
    }

    private static let encoder = OTLPEncoder(
        resource: [("service.name", "test")], version: "1.2.3", redactor: Redactor(secrets: ["hunter2x"]))
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func span(_ name: String) -> FinishedSpan {
        let log = SpanLog()
        log.tracer().startSpan(name).end()
        return log.all[0]
    }

    private static func names(_ request: TestServer.Request) throws -> [String] {
        let spans = try Value.json(Array(request.body.utf8))["resourceSpans"]?[0]?["scopeSpans"]?[0]?["spans"]
        return (spans?.asList ?? []).compactMap { $0["name"]?.asString }
    }

    @Test("spans come in one request, as JSON, with the header fields of the configuration")
    func batch() async throws {
        let requests = try await export(3, headers: [("authorization", "Bearer x")]) { _ in .reply(200, [], "{}") }
        let request = try #require(requests.first)
        #expect(requests.count == 1)
        #expect((request.method, request.uri) == ("POST", "/v1/traces"))
        #expect(request.headers["content-type"] == ["application/json"])
        #expect(request.headers["user-agent"] == ["Runnel/1.2.3"])
        #expect(request.headers["authorization"] == ["Bearer x"])
        #expect(request.headers["traceparent"] == [])
        #expect(try Self.names(request) == ["span 0", "span 1", "span 2"])
    }

    @Test("no batch is larger than the limit, and what is over when the process ends is sent")
    func batches() async throws {
        var limits = SpanExporter.Limits()
        limits.batch = 4
        let requests = try await export(10, limits: limits) { _ in .reply(200) }
        #expect(try requests.map { try Self.names($0).count } == [4, 4, 2])
    }

    @Test("a span that finds the queue full is dropped")
    func bounded() async throws {
        var limits = SpanExporter.Limits()
        (limits.queue, limits.batch) = (5, 100)
        let requests = try await export(9, limits: limits) { _ in .reply(200) }
        #expect(try requests.flatMap(Self.names) == (0..<5).map { "span \($0)" })
    }

    @Test(
        "a receiver that is busy gets the same spans again, after the time that it asks for",
        arguments: [429, 502, 503, 504])
    func retries(status: Int) async throws {
        let count = Mutex(0)
        let clock = ManualClock()
        let bodies = try await TestServer.run { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return number == 1 ? .reply(status, [("retry-after", "7")]) : .reply(200)
        } body: { server in
            let receiver = OTLPReceiver(endpoint: try HTTPURL(server.url + "/v1/traces"))
            try await withSender { sender in
                let exporter = SpanExporter(
                    receiver, encoder: Self.encoder, sender: sender, logger: Self.quiet, clock: clock, now: { 0 })
                exporter.add(Self.span("again"))
                await clock.waitForSleepers()
                clock.advance(by: .seconds(5))
                while clock.timeUntilNextDeadline != .seconds(7) { try await waitTurn() }
                clock.advance(by: .seconds(7))
                while count.withLock({ $0 }) < 2 { try await waitTurn() }
                await exporter.shutDown()
            }
            return server.requests.map(\.body)
        }
        #expect(bodies.count == 2)
        #expect(bodies.first == bodies.last)
    }

    @Test("what the receiver does not want is not sent again", arguments: [400, 401, 404, 500, 301])
    func final(status: Int) async throws {
        let requests = try await export(1) { _ in .reply(status) }
        #expect(requests.count == 1)
    }

    @Test("an outage is logged once, with the place and the reason, and its end too")
    func outage() async throws {
        let log = LogRecorder()
        var limits = SpanExporter.Limits()
        limits.batch = 1
        let count = Mutex(0)
        _ = try await export(4, limits: limits, logger: log.logger) { _ in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return .reply(number < 3 ? 401 : 200)
        }
        let lines = log.lines.map { $0.replacing(/127\.0\.0\.1:\d+/, with: "HOST") }
        #expect(
            lines == [
                "warning traces cannot be sent to http://HOST/v1/traces: it answered 401 Unauthorized",
                "notice traces are sent to http://HOST/v1/traces again",
            ])
    }

    @Test("spans that the receiver rejects are told")
    func partial() async throws {
        let log = LogRecorder()
        _ = try await export(3, logger: log.logger) { _ in
            .reply(200, [], #"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#)
        }
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.hasSuffix("rejected 2 spans: too old") == true)
    }

    @Test(
        "the counts of a batch add up to its size, even if the receiver reports an impossible count",
        arguments: [(nil, 0, 3), (0, 3, 0), (2, 1, 2), (9, 0, 3), (Int.max, 0, 3), (-1, 3, 0)] as [(Int?, Int, Int)])
    func rejected(count: Int?, exported: Int, failed: Int) {
        #expect(SpanExporter.outcome(of: 3, rejected: count) == (exported, failed))
    }

    @Test("a receiver that never answers holds the end up for no longer than the limit")
    func silence() async throws {
        var limits = SpanExporter.Limits()
        limits.shutdown = .milliseconds(200)
        let log = LogRecorder()
        // Without the limit it would end after this hour, and the suite's limit of time would end the test as failed.
        _ = try await export(
            1, limits: limits, clock: ContinuousClock(), timeout: .seconds(3600), logger: log.logger
        ) { _ in .silence }
        let lines = log.lines.map { $0.replacing(/127\.0\.0\.1:\d+/, with: "HOST") }
        #expect(lines == ["warning 1 spans were not sent to http://HOST/v1/traces before the end"])
    }

    @Test("nothing is sent, and nothing runs, while there are no spans")
    func idle() async throws {
        #expect(try await export(0) { _ in .reply(200) }.isEmpty)
    }
}

/// Keeps what is logged, each line with its level.
final class LogRecorder: Sendable {
    private let storage = Mutex<[String]>([])
    var lines: [String] { storage.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            recorder.storage.withLock { $0.append("\(event.level) \(event.message)") }
        }
    }
}
