import HTTPTestServer
import Marketplace
import MarketplaceSimulator
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import ChatPlugin

private func simulator(_ reconnection: SimulatorConfiguration.Reconnection) throws -> SimulatorConfiguration {
    try SimulatorConfiguration {
        $0.pace = .zero
        $0.reconnection = reconnection
    }
}

extension RunningSimulator {
    /// With the simulator's places for reconnecting and cancelling.
    fileprivate var places: MarketplaceConfiguration.Dialect {
        get throws {
            try MarketplaceConfiguration.Dialect(
                reconnect: .init("/api/v1/chat/messages/{message_id}", method: "GET"),
                cancel: .init("/api/v1/chat/messages/{message_id}/cancel", method: "POST"))
        }
    }
}

private func text(_ progress: [StepProgress]) -> String {
    progress.map { if case .text(let text) = $0 { text } else { "" } }.joined()
}

private func notes(_ progress: [StepProgress]) -> [String] {
    progress.compactMap { if case .note(let note) = $0 { note } else { nil } }
}

@Suite("Chats whose stream breaks, with places to reconnect and cancel", .timeLimit(.minutes(5)))
struct ReconnectTests {
    // A server that sends the rest alone cannot know what a reset threw away on its way.
    @Test(
        "an answer is taken up again where it was, shown once and asked for once",
        arguments: [
            (SimulatorConfiguration.Reconnection.replay, "cut-off"), (.replay, "reset-mid-stream"), (.rest, "cut-off"),
        ])
    func reconnects(reconnection: SimulatorConfiguration.Reconnection, fault: String) async throws {
        try await MarketplaceSimulator.withSimulator(try simulator(reconnection)) { simulator in
            let prompt = "How are the sales of this quarter?"
            let harness = StepHarness()
            let output = try await harness.chat(
                try simulator.client(simulator.places), with: ["prompt": .string(prompt + "\nsimulate: \(fault)")]
            ).get()
            #expect(output["finish_reason"] == "stop")
            #expect(output["text"]?.asString == text(harness.progress))
            // The simulator says how many words it has sent in all.
            #expect(
                output["usage"]?["completion_tokens"]?.asInt
                    == Int64(text(harness.progress).split(whereSeparator: \.isWhitespace).count))
            #expect(simulator.reconnections == 1)
            #expect(
                notes(harness.progress).contains {
                    $0.hasSuffix("(1 of 3)") && $0.contains("taking the answer up again in ")
                })
            #expect(harness.journal.usage.count == 1)
        }
    }

    @Test("where nothing can be taken up the failure is as without the places, with the text so far")
    func nothingThere() async throws {
        try await MarketplaceSimulator.withSimulator(try simulator(.none)) { simulator in
            let prompt: Value = "How are the sales?\nsimulate: cut-off"
            let plain = try await StepHarness().chat(try simulator.client(), with: ["prompt": prompt])
            let placed = try await StepHarness().chat(try simulator.client(simulator.places), with: ["prompt": prompt])
            guard case .failure(let one) = plain, case .failure(let other) = placed else {
                Issue.record("one succeeded")
                return
            }
            #expect(other.code == "stream-cut-off")
            #expect(other.message == one.message)
            #expect(other.partialOutput == one.partialOutput)
            #expect(other.isTransient == one.isTransient)
            #expect(simulator.reconnections == 1)
        }
    }

    @Test("an attempt that was killed takes its answer up again instead of paying for another")
    func killed() async throws {
        try await MarketplaceSimulator.withSimulator(try simulator(.replay)) { simulator in
            let first = StepHarness()
            let output = try await first.chat(
                try simulator.client(simulator.places), with: ["prompt": "How are the sales?"]
            ).get()
            let checkpoint = try #require(first.journal.checkpoints.first)
            #expect(checkpoint["key"] == .string(first.context.idempotencyKey))
            var second = StepHarness()
            second.journal = StepJournalRecorder(checkpoint: checkpoint)
            let again = try await second.chat(
                try simulator.client(simulator.places), with: ["prompt": "How are the sales?"]
            ).get()
            #expect(again["text"] == output["text"])
            #expect(simulator.chatRequestCount == 1)
            #expect(simulator.reconnections == 1)
        }
    }

    /// A stream of chunks with these deltas that ends with the connection.
    private static func stream(_ deltas: [String], _ end: String = "") -> TestServer.Answer {
        let chunks = deltas.map { #"data: {"choices":[{"delta":\#($0)}]}"# + "\n\n" }.joined()
        return .raw(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\(chunks)\(end)")
    }

    /// A server whose answers can be taken up again at `/again/c-1/m-1`.
    private static func settings(
        _ server: TestServer, _ authentication: MarketplaceConfiguration.Authentication = .none
    ) throws -> MarketplaceConfiguration {
        try MarketplaceConfiguration(
            baseURL: server.url, authentication: authentication, agentID: "a", streamEnd: .done,
            dialect: .init(reconnect: try .init("/again/{conversation_id}/{message_id}", method: "GET")),
            retry: RetryPolicy(baseDelay: .milliseconds(1)))
    }

    @Test("ids that reports of tasks name one by one are enough to take an answer up again, and are kept once complete")
    func taskIDs() async throws {
        let beginning = [
            #"{"content":"Hello ","tasks":[{"messageId":"m-1","title":"a"}]}"#,
            #"{"content":"","tasks":[{"conversationId":"c-1","title":"b"}]}"#,
        ]
        let harness = StepHarness()
        try await TestServer.run { request in
            request.uri == "/again/c-1/m-1"
                ? Self.stream([#"{"content":"you"}"#], "data: [DONE]\n\n") : Self.stream(beginning)
        } body: { server in
            let settings = try Self.settings(server)
            let output = try await harness.chat(settings, with: ["prompt": "Hi"]).get()
            #expect(output["text"] == "Hello you")
            #expect(server.requests.map(\.uri) == ["/v1/chat/completions", "/again/c-1/m-1"])
        }
        let checkpoint = try #require(harness.journal.checkpoints.last)
        #expect(checkpoint["message_id"] == "m-1")
        #expect(checkpoint["conversation_id"] == "c-1")
    }

    private static let broken = stream([
        #"{"content":"Hello you","tasks":[{"messageId":"m-1","conversationId":"c-1","title":"a"}]}"#
    ])

    @Test(
        "an answer that comes again shorter than it was shown is not whole",
        arguments: [
            #"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"# + "\n\ndata: [DONE]\n\n", "data: [DONE]\n\n",
        ])
    func shorter(end: String) async throws {
        let harness = StepHarness()
        try await TestServer.run { request in
            request.uri == "/again/c-1/m-1"
                ? Self.stream([#"{"role":"assistant"}"#, #"{"content":"Hello"}"#], end) : Self.broken
        } body: { server in
            guard case .failure(let error) = try await harness.chat(Self.settings(server), with: ["prompt": "Hi"])
            else {
                Issue.record("it succeeded")
                return
            }
            #expect(error.code == "stream-cut-off")
            #expect(error.message == "the stream ended before [DONE]")
            #expect(error.partialOutput == "Hello you")
            #expect(server.requests.map(\.uri) == ["/v1/chat/completions", "/again/c-1/m-1"])
        }
        #expect(text(harness.progress) == "Hello you")
    }

    @Test(
        "the text so far is kept if there is no access token with which the answer could be taken up again",
        arguments: [
            (401, "wrong-credentials", "the server refused the client id and secret: 401 Unauthorized"),
            (503, "stream-cut-off", "the stream ended before [DONE]"),
        ])
    func noToken(status: Int, code: String, message: String) async throws {
        let hasToken = Atomic(false)
        try await TestServer.run { request in
            guard request.uri.hasSuffix("token") else { return Self.broken }
            // A lifetime of nothing: each request needs another one.
            return hasToken.exchange(true, ordering: .relaxed)
                ? .reply(status) : .reply(200, [], #"{"access_token":"t","expires_in":0}"#)
        } body: { server in
            let settings = try Self.settings(server, .clientCredentials(clientID: "c", clientSecret: "s"))
            guard case .failure(let error) = try await StepHarness().chat(settings, with: ["prompt": "Hi"]) else {
                Issue.record("it succeeded")
                return
            }
            #expect(error.code == code)
            #expect(error.message == message)
            #expect(error.partialOutput == "Hello you")
            #expect(server.requests.filter { !$0.uri.hasSuffix("token") }.count == 1)
        }
    }

    private static let label: Value = [
        "type": "object", "required": ["label"], "properties": ["label": ["enum": ["bug", "feature"]]],
    ]

    /// A chat whose first answer does not fit its schema, with the checkpoints that it leaves.
    private static func corrected(_ simulator: RunningSimulator) async throws -> [Value] {
        let harness = StepHarness()
        _ = try await harness.chat(
            try simulator.client(simulator.places), with: ["prompt": "This is a bug", "schema": label]
        ).get()
        #expect(simulator.chatRequestCount == 2)
        return harness.journal.checkpoints
    }

    @Test(
        "a chat that was killed while its answer was corrected does not ask for the first answer again",
        arguments: [(1, 1), (2, 0)])
    func killedInCorrection(checkpoint: Int, requests: Int) async throws {
        let configuration = try SimulatorConfiguration {
            $0.pace = .zero
            $0.reconnection = .replay
            $0.faults = .every(.schemaMismatchOnce)
        }
        try await MarketplaceSimulator.withSimulator(configuration) { simulator in
            let checkpoints = try await Self.corrected(simulator)
            #expect(checkpoints.map { $0["rejected"]?.isNull } == [true, false, false])
            var second = StepHarness()
            second.journal = StepJournalRecorder(checkpoint: checkpoints[checkpoint])
            let output = try await second.chat(
                try simulator.client(simulator.places), with: ["prompt": "This is a bug", "schema": Self.label]
            ).get()
            #expect(["bug", "feature"].contains(output["json"]?["label"]))
            #expect(simulator.chatRequestCount == 2 + requests)
            let last = try Value.json(try #require(simulator.chatRequests.last).body)
            #expect(last["conversationId"]?.asString != nil)
            #expect(last["messages"]?.asList?.map { $0["role"] } == ["user"])
            // The journal gets the usage of an attempt when it ends, which the killed one did not.
            #expect(second.journal.usage.count == 2)
        }
    }

    @Test("an answer that is too large for a checkpoint is left out of it, and the chat goes on")
    func largeAnswer() async throws {
        func answer(_ text: String) -> String {
            let chunk: Value = ["choices": [["delta": ["content": .string(text)]]]]
            return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                + "data: \(chunk.json())\n\ndata: [DONE]\n\n"
        }
        let large = answer(String(repeating: "x", count: 70_000))
        let fitting = answer(#"{"label":"bug"}"#)
        let harness = StepHarness()
        try await TestServer.run { request in
            .raw(request.body.contains("Your answer does not fit") ? fitting : large)
        } body: { server in
            let settings = try MarketplaceConfiguration(baseURL: server.url, authentication: .none, streamEnd: .done)
            let output = try await harness.chat(settings, with: ["prompt": "Label it", "schema": Self.label]).get()
            #expect(output["json"] == ["label": "bug"])
        }
        #expect(harness.journal.checkpoints.isEmpty)
    }

    @Test("a chat that times out tells the server", arguments: ["total-timeout", "idle-timeout"])
    func timedOut(code: String) async throws {
        try await MarketplaceSimulator.withSimulator(try simulator(.none)) { simulator in
            let limit = Duration.seconds(2)
            let isIdle = code == "idle-timeout"
            let settings = try MarketplaceConfiguration(
                baseURL: simulator.baseURL,
                authentication: .clientCredentials(
                    clientID: simulator.configuration.clientID, clientSecret: simulator.configuration.clientSecret),
                agentID: simulator.configuration.agentID, dialect: try simulator.places,
                timeouts: .init(idle: isIdle ? limit : .seconds(60), total: isIdle ? .seconds(60) : limit),
                retry: RetryPolicy(baseDelay: .milliseconds(1)))
            let harness = StepHarness()
            let result = try await harness.chat(settings, with: ["prompt": "How are the sales?\nsimulate: stall"])
            guard case .failure(let error) = result else {
                Issue.record("it succeeded")
                return
            }
            #expect(error.code == code)
            #expect(simulator.cancelledMessages.count == 1)
            #expect(notes(harness.progress).contains("the server was told that the answer is cancelled"))
        }
    }

    @Test(
        "what cannot be taken up from its beginning is asked for anew, with the same idempotency key",
        arguments: [SimulatorConfiguration.Reconnection.none, .rest])
    func askedAnew(reconnection: SimulatorConfiguration.Reconnection) async throws {
        try await MarketplaceSimulator.withSimulator(try simulator(reconnection)) { simulator in
            let first = StepHarness()
            let output = try await first.chat(
                try simulator.client(simulator.places), with: ["prompt": "How are the sales?"]
            ).get()
            var second = StepHarness()
            second.journal = StepJournalRecorder(checkpoint: first.journal.checkpoints.first)
            let again = try await second.chat(
                try simulator.client(simulator.places), with: ["prompt": "How are the sales?"]
            ).get()
            #expect(again["text"] == output["text"])
            #expect(simulator.chatRequestCount == 2)
            #expect(simulator.usage.chats == 1)
        }
    }

    @Test(
        "a cancelled chat tells the server; one that is only interrupted leaves the answer to a later life",
        arguments: [false, true])
    func cancelled(isInterrupted: Bool) async throws {
        try await MarketplaceSimulator.withSimulator(try simulator(.replay)) { simulator in
            var harness = StepHarness()
            harness.isInterrupted = isInterrupted
            let running = harness
            let dialect = try simulator.places
            let task = Task {
                try await running.chat(
                    try simulator.client(dialect), with: ["prompt": "How are the sales?\nsimulate: stall"])
            }
            while text(running.progress).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
            task.cancel()
            _ = try? await task.value
            #expect(simulator.cancelledMessages.count == (isInterrupted ? 0 : 1))
        }
    }

    @Test(
        "a place has a method and a path with known names",
        arguments: ["no/slash", "/a b", "/{run_id}", "FETCH /a", "/a}", ""])
    func places(text: String) {
        #expect(throws: MarketplaceError.self) {
            try MarketplaceConfiguration.Endpoint(text, method: "GET")
        }
    }
}
