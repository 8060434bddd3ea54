import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import WebhookPlugin

/// Takes every event as the repeat of one whose run cannot be followed.
private final class LostRuns: TriggerRuns {
    let error: any Error
    private let state = Mutex<[String]>([])
    let ready = AsyncStream.makeStream(of: Void.self)

    init(error: any Error) {
        self.error = error
    }

    var cancelled: [String] { state.withLock { $0 } }

    func accept(_ event: TriggerEvent) -> TriggerAcceptance { .duplicate(runID: "run-9") }

    func follow(_ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void) async throws -> RunEnd {
        throw error
    }

    func cancel(_ runID: String) { state.withLock { $0.append(runID) } }
    func relocate(_ runID: String, from input: Value?, to source: RunSource) {}

    func report(_ health: TriggerHealth) { ready.continuation.yield() }
}

@Suite("A run that cannot be followed") struct LostRunTests {
    private struct Buffer: IngressBodyWriter {
        var text = ""

        mutating func write(_ bytes: [UInt8]) { text += String(decoding: bytes, as: UTF8.self) }
    }

    /// What is answered beside these runs, and what was written into a stream.
    private static func answer(_ respond: String, _ runs: LostRuns) async throws -> (IngressResponse, stream: String) {
        let harness = TriggerHarness()
        let context = TriggerContext(
            pipeline: "p", key: "webhook", logger: harness.context.logger, now: { 0 }, services: harness.services,
            project: harness.project, memory: harness.memory, runs: runs)
        let entry: ValueObject = [
            "verify": ["scheme": "none"], "respond": .string(respond), "cancel_on_disconnect": true,
        ]
        let hook = Task { try await TriggerDefinition(WebhookTrigger.self).run(entry, context) }
        defer { hook.cancel() }
        for await _ in runs.ready.stream { break }
        let response = try await harness.call(IngressRequest(method: "POST", path: "/hooks/p"))
        guard case .stream(let write) = response.body else { return (response, "") }
        var writer: any IngressBodyWriter = Buffer()
        do {
            try await write(&writer)
        } catch {
            return (response, "\((writer as? Buffer)?.text ?? "")broken off")
        }
        return (response, (writer as? Buffer)?.text ?? "")
    }

    private static let forgotten = StepError(.noSuchRun, "there is no run \"run-9\"")
    private static let start = "event: run\ndata: {\"run\":\"run-9\"}\n\n"

    @Test("is said to be gone when the journal keeps it no more")
    func forgotten() async throws {
        let result = try await Self.answer("result", LostRuns(error: Self.forgotten))
        let answer = try Hook.Answer(result.0)
        #expect(
            answer
                == .error(
                    410, "no-such-run",
                    "this was delivered before, and its run \"run-9\" is not kept any more"))
        let stream = try await Self.answer("stream", LostRuns(error: Self.forgotten)).stream
        let end = #"{"run":"run-9","status":"unknown","error":{"code":"no-such-run"}}"#
        #expect(stream == "\(Self.start)event: end\ndata: \(end)\n\n")
    }

    @Test("goes on elsewhere when Runnel shuts down: it is not cancelled, and the caller is not told of an end")
    func shuttingDown() async throws {
        let runs = LostRuns(error: CancellationError())
        let stream = try await Self.answer("stream", runs).stream
        #expect(stream == Self.start + "broken off")
        let result = try Hook.Answer(try await Self.answer("result", runs).0)
        #expect(result == .accepted("run-9"))
        #expect(runs.cancelled == [])
    }
}
