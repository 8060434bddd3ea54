import RunnelHTTP
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import WebhookPlugin

/// `webhook.send` with a clock that a test moves.
struct Sending: Sendable {
    /// Longer than any delay in these tests, so that the sleeper of an attempt and that of a delay are told apart.
    static let timeout: Duration = .seconds(900)

    let clock = ManualClock()
    private var harness = StepHarness()

    init(input: Value = .null, secrets: [String] = [], epoch: Int64? = nil, trace: TraceContext? = nil) {
        harness.trace = StepTrace(context: trace)
        harness.identity.epoch = epoch
        harness.input = input
        harness.clock = clock
        harness.redactor = Redactor(secrets: secrets)
        harness.identity.stepID = "notify"
    }

    var notes: [String] {
        harness.progress.compactMap { if case .note(let text) = $0 { text } else { nil } }
    }

    func run(_ with: ValueObject) async throws -> Value {
        var with = with
        with["timeout"] = with["timeout"] ?? "15m"
        await HTTPClientService.register(in: harness.services)
        do {
            let output = try await harness.run(WebhookSend.self, with: with)
            await harness.services.shutDown()
            return output
        } catch {
            await harness.services.shutDown()
            throw error
        }
    }

    func failure(_ with: ValueObject, sourceLocation: SourceLocation = #_sourceLocation) async throws -> StepError {
        try await #require(throws: StepError.self, sourceLocation: sourceLocation) { try await run(with) }
    }

    /// Waits until the step sleeps between two attempts, and moves the clock to the end of that.
    func skipDelay() async throws -> Duration {
        while true {
            if let delay = clock.timeUntilNextDeadline, delay < Self.timeout {
                clock.advance(by: delay)
                return delay
            }
            try await waitTurn()
        }
    }
}
