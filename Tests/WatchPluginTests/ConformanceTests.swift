import RunnelKit
import RunnelTesting
import Testing

@testable import WatchPlugin

@Suite("The promises of every trigger, kept by `watch`", .timeLimit(.minutes(2))) struct ConformanceTests {
    @Test("a file is one run, also when it was refused or came while nobody watched", arguments: Mode.allCases)
    func conformance(mode: Mode) async throws {
        try await WatchFixture.with { fixture in
            let trigger = TriggerConformance(
                Watch.self, entry: mode.keys(["path": "inbox"]), harness: fixture.harness)
            let findings = await trigger.findings { number in
                try fixture.drop("content \(number)", at: "inbox/\(number).txt")
            }
            #expect(findings == [])
        }
    }
}
