import HTTPTestServer
import Marketplace
import RunnelKit
import RunnelTesting
import Testing

@testable import ChatPlugin

@Suite("The settings of marketplace:") struct ChatSettingsTests {
    private static func findings(
        _ settings: Value, standIn: AgentStandIn? = nil, pipelines: [String]? = nil
    ) async throws -> [HealthFinding] {
        var plugin = ChatPlugin().configured(try MarketplaceSettings(field: settings))
        if let standIn { plugin = plugin.talking(to: standIn) }
        return await plugin.diagnose(
            DiagnosisContext(project: ProjectDirectory(path: "/p"), isOffline: true, pipelines: pipelines))
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
                    "set it in runnel.yaml or as RUNNEL_MARKETPLACE_BASE_URL; "
                        + "with `--simulate`, `runnel run`, `ask` and `serve` do not need it")
            ])
    }

    @Test("doctor asks once for an access token, and does not wait for the Retry-After")
    func oneAttempt() async throws {
        try await TestServer.run { _ in
            .reply(503, [("retry-after", "100")], "")
        } body: { server in
            let settings: Value = [
                "base_url": .string(server.url), "client_id": "i", "client_secret": "s3cr3t", "agent_id": "a",
            ]
            let plugin = ChatPlugin().configured(try MarketplaceSettings(field: settings))
            let findings = await plugin.diagnose(DiagnosisContext(project: ProjectDirectory(path: "/p")))
            #expect(
                findings == [
                    .problem(
                        "marketplace", "the server failed to give a token: 503 Service Unavailable",
                        "try again later; if it stays so, tell the operator")
                ])
            #expect(server.requests.count == 1)
        }
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

    @Test("a budget of a pipeline that is not there is a warning, where all pipelines are known")
    func strangers() async throws {
        let standIn = AgentStandIn(baseURL: "http://127.0.0.1:9", clientID: "i", clientSecret: "s", agentID: "a")
        let settings: Value = [
            "pipeline_budgets": [
                "triage-tickets": ["tokens": 1], "triage-ticket": ["tokens": 1], "zebra": ["tokens": 1],
                "ask": ["tokens": 1],
            ]
        ]
        let reached = HealthFinding.good("marketplace", "http://127.0.0.1:9 is configured; not contacted")
        #expect(
            try await Self.findings(settings, standIn: standIn, pipelines: ["triage-tickets"]) == [
                reached,
                .warning(
                    "marketplace",
                    "`pipeline_budgets` has a budget of \"triage-ticket\", and no pipeline has that name",
                    "did you mean \"triage-tickets\"?"),
                .warning(
                    "marketplace", "`pipeline_budgets` has a budget of \"zebra\", and no pipeline has that name",
                    "it limits nothing: write the name of a pipeline, or remove it"),
            ])
        #expect(try await Self.findings(settings, standIn: standIn) == [reached])
    }

    @Test("the paths of a simulator stand in for those that are set, and for no others")
    func paths() throws {
        var standIn = AgentStandIn(baseURL: "http://127.0.0.1:9", clientID: "i", clientSecret: "s", agentID: "a")
        standIn.reconnectPath = "/own/{message_id}"
        standIn.cancelPath = "/own/{message_id}/cancel"
        var settings = MarketplaceSettings()
        settings.paths.reconnect = "POST /theirs/{conversation_id}"
        let dialect = try MarketplaceSetup(settings: settings, standIn: standIn).configuration().dialect
        #expect(dialect.reconnect?.path == "/own/{message_id}")
        #expect(dialect.reconnect?.method == "GET")
        #expect(dialect.cancel == nil)
    }

    @Test("changed credentials are used by the existing client, except with a stand-in")
    func renewed() async throws {
        func plugin(_ id: String) throws -> ChatPlugin {
            ChatPlugin().configured(
                try MarketplaceSettings(field: [
                    "base_url": "https://star.example", "client_id": .string(id), "client_secret": "s3cr3t",
                ]))
        }
        let harness = StepHarness()
        try await plugin("one").registerServices(in: harness.services)
        let client = try await harness.services.get(MarketplaceService.self).client
        #expect("\(client)" == "MarketplaceClient(https://star.example, client credentials of \"one\")")
        try await plugin("two").renewCredentials(in: harness.services)
        #expect("\(client)" == "MarketplaceClient(https://star.example, client credentials of \"two\")")
        let standIn = AgentStandIn(baseURL: "http://127.0.0.1:9", clientID: "i", clientSecret: "s", agentID: "a")
        try await plugin("three").talking(to: standIn).renewCredentials(in: harness.services)
        #expect("\(client)" == "MarketplaceClient(https://star.example, client credentials of \"two\")")
        await harness.services.shutDown()
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
