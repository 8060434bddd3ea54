import RunnelKit
import RunnelTesting
import Testing

@testable import ChatPlugin

@Suite("The settings of marketplace:") struct ChatSettingsTests {
    private static func findings(_ settings: Value, standIn: AgentStandIn? = nil) async throws -> [HealthFinding] {
        var plugin = ChatPlugin().configured(try MarketplaceSettings(field: settings))
        if let standIn { plugin = plugin.talking(to: standIn) }
        return await plugin.diagnose(DiagnosisContext(project: ProjectDirectory(path: "/p"), isOffline: true))
    }

    @Test("are what doctor looks at, without asking anybody when it may not")
    func diagnosis() async throws {
        let whole: Value = [
            "base_url": "https://star.example", "client_id": "i", "client_secret": "s3cr3t", "agent_id": "a",
        ]
        #expect(
            try await Self.findings(whole) == [
                .good("marketplace", "https://star.example is configured; not contacted")
            ]
        )
        #expect(
            try await Self.findings([:]) == [
                .warning(
                    "marketplace", "`marketplace.base_url` is not set",
                    "set it in runnel.yaml or as RUNNEL_MARKETPLACE_BASE_URL, or try `--simulate`")
            ])
    }

    @Test("a secret that could not be fetched is said where it is needed, and a stand-in needs none")
    func unavailable() async throws {
        let secret = SensitiveValue.unavailable(because: "the environment variable S is not set")
        let settings: Value = [
            "base_url": "https://star.example", "client_id": "i", "client_secret": secret, "agent_id": "a",
        ]
        #expect(
            try await Self.findings(settings) == [
                .warning(
                    "marketplace",
                    "`marketplace.client_secret` has no value: the environment variable S is not set",
                    "`chat` steps need it; everything else works without")
            ])
        let standIn = AgentStandIn(baseURL: "http://127.0.0.1:9", clientID: "i", clientSecret: "s", agentID: "a")
        #expect(
            try await Self.findings(settings, standIn: standIn) == [
                .good("marketplace", "http://127.0.0.1:9 is configured; not contacted")
            ])
    }

    @Test("without them a chat fails with what to set, and everything else works")
    func unconfigured() async throws {
        let harness = StepHarness()
        await ChatPlugin().registerServices(in: harness.services)
        let error = await #expect(throws: StepError.self) {
            try await harness.run(Chat.self, with: ["prompt": "Hello"])
        }
        #expect(error?.code == "marketplace-unconfigured")
        #expect(error?.message == "`marketplace.base_url` is not set")
    }
}
