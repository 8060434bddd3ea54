import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("The promises of every trigger, kept by `webhook`", .timeLimit(.minutes(2))) struct ConformanceTests {
    @Test("a delivery is one run; one that was refused is one when its sender delivers it again")
    func conformance() async throws {
        let harness = TriggerHarness()
        let entry: ValueObject = ["path": "in", "verify": ["scheme": "none"], "idempotency": ["header": "X-Id"]]
        // A hook gets no calls while it does not run.
        let trigger = TriggerConformance(WebhookTrigger.self, entry: entry, harness: harness, keepsPosition: false)
        let (deliveries, sender) = AsyncStream.makeStream(of: Int.self)
        let findings = await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await number in deliveries {
                    while !Task.isCancelled {
                        let call = IngressRequest(
                            method: "POST", path: "/hooks/in", query: "", headers: ["x-id": "\(number)"],
                            body: Array("delivery \(number)".utf8), remoteAddress: "192.0.2.1:4711")
                        if let answer = try? await harness.call(call), answer.status == 202 { break }
                        await Task.yield()
                    }
                }
            }
            let findings = await trigger.findings { sender.yield($0) }
            group.cancelAll()
            return findings
        }
        #expect(findings == [])
    }
}
