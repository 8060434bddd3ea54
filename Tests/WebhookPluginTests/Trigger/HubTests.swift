import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("The list of webhooks") struct HubTests {
    private static func harness(_ pipeline: String, key: String = "webhook", services: Services) -> TriggerHarness {
        var harness = TriggerHarness()
        harness.pipeline = pipeline
        harness.key = key
        harness.services = services
        return harness
    }

    /// Whether a path is free is seen by who waits for it.
    private static func conflict(
        _ first: TriggerHarness, _ second: TriggerHarness, hub: HTTPIngress, problem: String
    ) async throws {
        let run = TriggerDefinition(WebhookTrigger.self).run
        let entry: ValueObject = ["path": "tickets", "verify": ["scheme": "none"]]
        let (one, two) = (first.context, second.context)
        let owner = Task { try await run(entry, one) }
        try await first.runs.wait { $0.health == [.waiting("POST /hooks/tickets")] }
        let rival = Task { try await run(entry, two) }
        try await second.runs.wait { $0.health == [.problem(problem)] }
        #expect(hub.route("tickets")?.pipeline == first.pipeline)
        owner.cancel()
        try await second.runs.wait { $0.health.last == .waiting("POST /hooks/tickets") }
        #expect(hub.route("tickets")?.pipeline == second.pipeline)
        #expect(hub.route("tickets")?.key == second.key)
        rival.cancel()
        await #expect(throws: CancellationError.self) { try await owner.value }
        await #expect(throws: CancellationError.self) { try await rival.value }
        #expect(hub.route("tickets") == nil)
    }

    @Test("two pipelines cannot have one path: the second says so, and gets it when the first lets go")
    func twoPipelines() async throws {
        let services = Services()
        try await Self.conflict(
            Self.harness("a", services: services), Self.harness("b", services: services),
            hub: services.get(HTTPIngress.self),
            problem: "the pipelines \"b\" and \"a\" both want /hooks/tickets, which \"a\" has: "
                + "give one of them another `path`")
    }

    @Test("neither can two entries of one pipeline")
    func twoEntries() async throws {
        let services = Services()
        try await Self.conflict(
            Self.harness("a", key: "webhook[0]", services: services),
            Self.harness("a", key: "webhook[1]", services: services), hub: services.get(HTTPIngress.self),
            problem: "`webhook[1]` and `webhook[0]` of the pipeline \"a\" both want /hooks/tickets: "
                + "give one of them another `path`")
    }

    @Test("a trigger that begins again with other settings takes its path over without a word")
    func takeover() async throws {
        let services = Services()
        let (first, second) = (Self.harness("a", services: services), Self.harness("a", services: services))
        let run = TriggerDefinition(WebhookTrigger.self).run
        let entry: ValueObject = ["path": "tickets", "verify": ["scheme": "none"]]
        let (one, two) = (first.context, second.context)
        let former = Task { try await run(entry, one) }
        try await first.runs.wait { !$0.health.isEmpty }
        let current = Task { try await run(entry, two) }
        former.cancel()
        await #expect(throws: CancellationError.self) { try await former.value }
        try await second.runs.wait { !$0.health.isEmpty }
        #expect(await second.runs.health == [.waiting("POST /hooks/tickets")])
        current.cancel()
        await #expect(throws: CancellationError.self) { try await current.value }
    }

    @Test("who waits for a path stops waiting when it is told to")
    func cancelledWait() async throws {
        let services = Services()
        let (first, second) = (Self.harness("a", services: services), Self.harness("b", services: services))
        let run = TriggerDefinition(WebhookTrigger.self).run
        let entry: ValueObject = ["path": "tickets", "verify": ["scheme": "none"]]
        let (one, two) = (first.context, second.context)
        let owner = Task { try await run(entry, one) }
        try await first.runs.wait { !$0.health.isEmpty }
        let rival = Task { try await run(entry, two) }
        try await second.runs.wait { !$0.health.isEmpty }
        rival.cancel()
        await #expect(throws: CancellationError.self) { try await rival.value }
        let hub = try await services.get(HTTPIngress.self)
        #expect(hub.route("tickets")?.pipeline == "a")
        owner.cancel()
        await #expect(throws: CancellationError.self) { try await owner.value }
    }

    @Test("routes say what the server has to know of them")
    func routes() async throws {
        try await Hook.run(["verify": ["scheme": "none"], "max_body": "2KiB"], pipeline: "triage") { hook in
            let route = try #require(hook.hub.routes.first)
            #expect(hook.hub.routes.count == 1)
            #expect(route.pipeline == "triage")
            #expect(route.key == "test")
            #expect(route.body.limit == 2048)
            #expect(hook.hub.route("/triage/")?.path == "triage")
            #expect(hook.hub.route("") == nil)
            #expect(hook.hub.route("Triage") == nil)
        }
    }
}
