import RunnelKit
import RunnelTesting
import Testing

@Suite("The HTTP ingress", .timeLimit(.minutes(5))) struct IngressTests {
    /// Serves a path and says what it was called with.
    private struct Echo: Trigger {
        static let name = "echo"
        static let summary = "Answers."
        static let documentation = TriggerDocumentation(payload: [])

        @Field("Where.") var path: String
        @Field("What is thrown.") var fails: String?

        /// A code of the plugin's own.
        private enum TeapotCode: String, ErrorCode {
            case teapot
            static let part = "teapot"
            var explanation: ErrorExplanation { ErrorExplanation("it is short") }
        }

        func run(_ context: TriggerContext) async throws {
            try await context.serve(
                IngressRoute(path, methods: ["GET", "POST"], body: .whole(upTo: 4)) { [path, fails] request in
                    switch fails {
                    case "refusal": throw TriggerRefusal(.journal, "no disk", retryAfter: .milliseconds(1500))
                    case "error": throw IngressError(418, TeapotCode.teapot, "it is short")
                    default: break
                    }
                    let parameters = request.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                    return .text(200, ([path] + parameters).joined(separator: " "))
                })
        }
    }

    private static func serve<Result>(
        _ entries: [ValueObject], _ body: (TriggerHarness) async throws -> Result
    ) async throws -> Result {
        let services = Services()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            for (index, entry) in entries.enumerated() {
                var harness = TriggerHarness()
                harness.key = "echo[\(index)]"
                harness.services = services
                let context = harness.context
                group.addTask { try await TriggerDefinition(Echo.self).run(entry, context) }
                try await harness.runs.wait { !$0.health.isEmpty }
            }
            var caller = TriggerHarness()
            caller.services = services
            return try await body(caller)
        }
    }

    /// Services whose ingress has a manual clock.
    private static func ingress() async throws -> (Services, HTTPIngress, ManualClock) {
        let (services, clock) = (Services(), ManualClock())
        await services.register(HTTPIngress.self, make: { _ in HTTPIngress(clock: clock) })
        return (services, try await services.get(HTTPIngress.self), clock)
    }

    /// Claims a path until the task is cancelled.
    private static func start(_ path: String, _ services: Services) async throws -> Task<Void, any Error> {
        var harness = TriggerHarness()
        harness.services = services
        let context = harness.context
        let task = Task { try await TriggerDefinition(Echo.self).run(["path": .string(path)], context) }
        try await harness.runs.wait { !$0.health.isEmpty }
        return task
    }

    /// Claims a path and releases it.
    private static func release(_ path: String, _ services: Services) async throws {
        let task = try await start(path, services)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    private static func text(
        _ harness: TriggerHarness, _ path: String, method: String = "GET", body: String = ""
    ) async throws -> String {
        let answer = try await harness.call(IngressRequest(method: method, path: path, body: Array(body.utf8)))
        guard case .bytes(let bytes) = answer.body else { return "" }
        return "\(answer.status) \(String(decoding: bytes, as: UTF8.self))"
    }

    @Test("a literal segment is preferred to a parameter, wherever it stands")
    func preference() async throws {
        let entries: [ValueObject] = [
            ["path": "{a}/{b}"], ["path": "{a}/x"], ["path": "y/{b}"], ["path": "y/x"], ["path": "/z/"],
        ]
        try await Self.serve(entries) { harness in
            for (path, expected) in [
                ("/hooks/1/2", "{a}/{b} a=1 b=2"), ("/hooks/1/x", "{a}/x a=1"), ("/hooks/y/2", "y/{b} b=2"),
                ("/hooks/y/x", "y/x"), ("/hooks/y/x/", "y/x"), ("/hooks/z", "/z/"),
                ("/hooks/%C3%A4/%2F", "{a}/{b} a=ä b=/"),
            ] {
                let text = try await Self.text(harness, path)
                #expect(text == "200 \(expected)")
            }
            for path in ["/hooks/", "/hooks/1", "/hooks/1/2/3", "/hooks/1/%FF", "/hooks/%7Ba%7D"] {
                await #expect(throws: IngressError.self) { try await Self.text(harness, path) }
            }
        }
    }

    @Test("a request to a just released path waits for its next holder, and is not routed to a general path")
    func handover() async throws {
        // The clock never advances, so only the new claim can end the wait.
        let (services, ingress, clock) = try await Self.ingress()
        let other = try await Self.start("orders/{id}", services)
        try await Self.release("orders/new", services)
        let general = try await ingress.awaitedRoute("orders/1")
        #expect(general?.path == "orders/{id}")
        async let awaited = ingress.awaitedRoute("orders/new")
        await clock.waitForSleepers()
        let current = try await Self.start("orders/new", services)
        let route = try await awaited
        #expect(route?.path == "orders/new")
        for task in [other, current] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        await services.shutDown()
    }

    @Test("a released path has no route if nobody claims it in time")
    func releasedForGood() async throws {
        let (services, ingress, clock) = try await Self.ingress()
        try await Self.release("orders", services)
        async let awaited = ingress.awaitedRoute("orders")
        await clock.waitForSleepers()
        clock.advance(by: .seconds(5))
        let route = try await awaited
        #expect(route == nil)
    }

    @Test("cancelling a request ends its wait for a released path")
    func cancelledWait() async throws {
        let (services, ingress, clock) = try await Self.ingress()
        try await Self.release("orders", services)
        let request = Task { try await ingress.awaitedRoute("orders") }
        await clock.waitForSleepers()
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
    }

    @Test("a shutdown ends the wait for a released path, and no later request waits")
    func shutdownWhileWaiting() async throws {
        let (services, ingress, clock) = try await Self.ingress()
        try await Self.release("orders", services)
        async let awaited = ingress.awaitedRoute("orders")
        await clock.waitForSleepers()
        ingress.shutDown()
        let route = try await awaited
        #expect(route == nil)
        let later = try await ingress.awaitedRoute("orders")
        #expect(later == nil)
    }

    @Test("what a handler throws is the answer")
    func thrown() async throws {
        try await Self.serve([["path": "a", "fails": "refusal"], ["path": "b", "fails": "error"]]) { harness in
            let (a, b) = (try await Self.text(harness, "/hooks/a"), try await Self.text(harness, "/hooks/b"))
            #expect(
                a
                    == #"503 {"error":{"code":"unavailable","message":"runs cannot be stored now; try again in 2 s"}}"#)
            #expect(
                b == #"418 {"error":{"code":"teapot","message":"it is short"}}"#)
        }
    }

    @Test("a method and a body that the route does not take never reach the handler")
    func bounds() async throws {
        try await Self.serve([["path": "a"]]) { harness in
            let method = try await Self.text(harness, "/hooks/a", method: "PUT")
            let body = try await Self.text(harness, "/hooks/a", method: "POST", body: "12345")
            #expect(
                method
                    == #"405 {"error":{"code":"method-not-allowed","message":"this hook is called with GET or POST"}}"#)
            #expect(
                body
                    == #"413 {"error":{"code":"body-too-large","message":"the body is larger than the 4B that this hook takes"}}"#
            )
        }
    }

    @Test("paths that match the same requests are one path, which one trigger has")
    func conflict() async throws {
        var (first, second) = (TriggerHarness(), TriggerHarness())
        (first.pipeline, second.pipeline) = ("a", "b")
        second.services = first.services
        let (one, two) = (first.context, second.context)
        let owner = Task { try await TriggerDefinition(Echo.self).run(["path": "t/{id}"], one) }
        try await first.runs.wait { $0.health == [.waiting("GET, POST /hooks/t/{id}")] }
        let rival = Task { try await TriggerDefinition(Echo.self).run(["path": "t/{number}"], two) }
        try await second.runs.wait {
            $0.health == [
                .problem(
                    "the pipelines \"b\" and \"a\" both want /hooks/t/{id}, which \"a\" has: "
                        + "give one of them another `path`")
            ]
        }
        owner.cancel()
        try await second.runs.wait { $0.health.last == .waiting("GET, POST /hooks/t/{number}") }
        rival.cancel()
        await #expect(throws: CancellationError.self) { try await owner.value }
        await #expect(throws: CancellationError.self) { try await rival.value }
    }

    @Test(
        "a path that cannot be one is an error",
        arguments: ["", "/", "a//b", "a b", "../a", "a/{}", "{a}/{a}", "a/{b", "ä", String(repeating: "a", count: 201)])
    func badPath(path: String) async throws {
        let error = await #expect(throws: StepError.self) {
            try await TriggerDefinition(Echo.self).run(["path": .string(path)], TriggerHarness().context)
        }
        #expect(error?.code == "bad-with")
        #expect(error?.message == "\(Value.string(path).quoted()) cannot be the path of a hook")
    }
}
