import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

/// A running `webhook` trigger, called as a server would call it.
struct Hook: Sendable {
    /// The time in these tests, in seconds since 1970.
    static let now: Int64 = 1_700_000_000

    /// What a caller sees.
    struct Answer: Sendable, Equatable {
        var status: Int
        var headers: [String: String]
        var body: String
    }

    let clock = ManualClock()
    let hub: HTTPIngress
    let path: String
    let runs: RecordedRuns

    /// Runs `body` beside the trigger of the pipeline "test".
    static func run<Result>(
        _ entry: ValueObject, now: Int64 = Self.now, pipeline: String = "test",
        body: (Hook) async throws -> Result
    ) async throws -> Result {
        var harness = TriggerHarness()
        harness.pipeline = pipeline
        harness.now = { now * 1_000_000_000 }
        let hook = Hook(
            hub: try await harness.services.get(HTTPIngress.self), path: entry["path"]?.asString ?? pipeline,
            runs: harness.runs)
        harness.clock = hook.clock
        let trigger = TriggerDefinition(WebhookTrigger.self)
        if let problem = trigger.check(entry) { throw problem }
        return try await withThrowingTaskGroup(of: Void.self) { [context = harness.context] group in
            group.addTask { try await trigger.run(entry, context) }
            defer { group.cancelAll() }
            try await hook.runs.wait { !$0.health.isEmpty }
            return try await body(hook)
        }
    }

    func response(
        _ method: String = "POST", headers: HeaderList = [:], body: [UInt8] = [], query: String = ""
    ) async throws -> IngressResponse {
        let route = try #require(hub.route(path))
        return try await hub.answer(
            IngressRequest(
                method: method, path: "/hooks/\(route.path)", query: query, headers: headers, body: body,
                remoteAddress: "192.0.2.1:4711"), by: route)
    }

    func call(
        _ method: String = "POST", headers: HeaderList = [:], body: String = "", query: String = ""
    ) async throws -> Answer {
        try await Answer(response(method, headers: headers, body: Array(body.utf8), query: query))
    }

    /// The payload of the only event.
    func payload() async throws -> ValueObject {
        let accepted = await runs.accepted
        return try #require(accepted.count == 1 ? accepted.first?.payload : nil)
    }
}

extension Hook.Answer {
    init(_ response: IngressResponse) throws {
        guard case .bytes(let bytes) = response.body else { throw Unexpected() }
        let headers = Dictionary(response.headers.fields.map { ($0.name, $0.value) }) { "\($0), \($1)" }
        self.init(status: response.status, headers: headers, body: String(decoding: bytes, as: UTF8.self))
    }

    struct Unexpected: Error {}

    /// What is answered to the first delivery of an event, or to its repeat.
    static func accepted(_ runID: String) -> Hook.Answer {
        Hook.Answer(
            status: 202, headers: ["content-type": "application/json", "location": "/api/v1/runs/\(runID)"],
            body: #"{"run":"\#(runID)","status":"accepted"}"#)
    }

    static func error(
        _ status: Int, _ code: String, _ message: String, headers: [String: String] = [:]
    ) -> Hook.Answer {
        let body: Value = ["error": ["code": .string(code), "message": .string(message)]]
        return Hook.Answer(
            status: status, headers: headers.merging(["content-type": "application/json"]) { $1 }, body: body.json())
    }

    /// What is answered to a wrong proof.
    static let unauthorized = Hook.Answer(status: 401, headers: [:], body: "")
}
