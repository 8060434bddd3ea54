import HTTPTestServer
import Marketplace
import MarketplaceSimulator
import RunnelKit
import RunnelTesting
import Testing

@testable import ChatPlugin

/// The body of a request that the simulator has received.
private func body(_ simulator: RunningSimulator, _ index: Int) throws -> Value {
    try Value.json(simulator.chatRequests[index].body)
}

extension RunningSimulator {
    /// A client's configuration for the simulator.
    func client(_ dialect: MarketplaceConfiguration.Dialect = .init()) throws -> MarketplaceConfiguration {
        try MarketplaceConfiguration(
            baseURL: baseURL,
            authentication: .clientCredentials(
                clientID: configuration.clientID, clientSecret: configuration.clientSecret),
            agentID: configuration.agentID, dialect: dialect,
            retry: RetryPolicy(baseDelay: .milliseconds(1)))
    }
}

private var fast: SimulatorConfiguration {
    get throws { try SimulatorConfiguration { $0.pace = .zero } }
}

@Suite("Conversations of chats") struct ConversationTests {
    @Test("a key names one conversation over runs: its id is kept, and the server gets what is new alone")
    func key() async throws {
        try await MarketplaceSimulator.withSimulator(try fast) { simulator in
            let harness = StepHarness()
            var ids: [Value?] = []
            for prompt in ["I have a problem.", "It is solved."] {
                var next = harness
                next.services = Services()
                let output = try await next.chat(
                    try simulator.client(),
                    with: ["prompt": .string(prompt), "conversation": ["key": "ticket-7"]]
                ).get()
                ids.append(output["conversation_id"])
            }
            #expect(ids[0]?.asString != nil)
            #expect(ids[1] == ids[0])
            #expect(harness.journal.value(for: "ticket-7") == ids[0])
            #expect(harness.journal.entries(of: "ticket-7").isEmpty)
            #expect(try body(simulator, 0)["conversationId"] == nil)
            #expect(try body(simulator, 1)["conversationId"] == ids[0])
            #expect(try body(simulator, 1)["messages"] == [["role": "user", "content": "It is solved."]])
        }
    }

    @Test("a conversation of a simulator has a key of its own, so that no server gets its id")
    func simulated() async throws {
        try await MarketplaceSimulator.withSimulator(try fast) { simulator in
            let harness = StepHarness()
            for isSimulated in [true, false, true] {
                var next = harness
                next.services = Services()
                _ = try await next.chat(
                    try simulator.client(), isSimulated: isSimulated,
                    with: ["prompt": "Hi", "conversation": ["key": "k"]]
                ).get()
            }
            let id = try #require(harness.journal.value(for: "simulated:k")?.asString)
            #expect(harness.journal.value(for: "k")?.asString != nil)
            #expect(try body(simulator, 1)["conversationId"] == nil)
            #expect(try body(simulator, 2)["conversationId"] == .string(id))
        }
    }

    /// Runs chats of one journal, in which the key `k` means `c-old`, against a server that knows no such conversation.
    private func lost(
        _ journal: StepJournalRecorder, refusal: String, conversation: Value
    ) async throws -> Result<Value, StepError> {
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            + "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n"
        return try await TestServer.run { request in
            request.body.contains("c-old")
                ? .reply(404, [("content-type", "application/json")], refusal) : .raw(answer)
        } body: { server in
            var harness = StepHarness()
            harness.journal = journal
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .none, agentID: "helper", streamEnd: .done)
            return try await harness.chat(settings, with: ["prompt": "Hi", "conversation": conversation])
        }
    }

    @Test("a conversation that the server no longer has fails the chat, and the next one with its key begins anew")
    func dropped() async throws {
        let refusal = #"{"error":{"code":"not_found","message":"conversation not found"}}"#
        let journal = StepJournalRecorder()
        journal.remember(.set("k", "c-old", keep: .seconds(60)))
        guard case .failure(let error) = try await lost(journal, refusal: refusal, conversation: ["key": "k"]) else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.code == "not-found")
        #expect(
            error.message
                == #"the server no longer has the conversation "c-old": 404 Not Found, "conversation not found""#)
        #expect(error.hint == #"the key "k" named it and is forgotten; the next run begins a new conversation"#)
        #expect(journal.value(for: "k") == nil)
        let next = try await lost(journal, refusal: refusal, conversation: ["key": "k"])
        #expect(try next.get()["text"] == "Hello")
    }

    @Test("an id that the server does not know is said to be unknown")
    func unknownID() async throws {
        let result = try await lost(
            StepJournalRecorder(), refusal: #"{"error":"unknown conversation"}"#, conversation: "c-old")
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(
            error.hint == "the server does not know this id: check it, or leave `conversation` out to begin a new one")
    }

    @Test("a 404 that may be about the address or the agent forgets no key, and names the conversation as well")
    func otherNotFound() async throws {
        let journal = StepJournalRecorder()
        journal.remember(.set("k", "c-old", keep: .seconds(60)))
        let result = try await lost(journal, refusal: #"{"error":"no such agent"}"#, conversation: ["key": "k"])
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.message.hasPrefix("nothing is at "))
        #expect(
            error.hint
                == #"check the base URL and the agent id "helper"; if they are right, the server may no longer have the "#
                + #"conversation "c-old": begin a new one"#)
        #expect(journal.value(for: "k") == "c-old")
    }

    @Test("an id goes on with that conversation, under the key that the settings say")
    func id() async throws {
        try await MarketplaceSimulator.withSimulator(try fast) { simulator in
            let dialect = MarketplaceConfiguration.Dialect(conversationKey: "thread")
            _ = try await StepHarness().chat(
                try simulator.client(dialect), with: ["prompt": "Hi", "conversation": "c-42"]
            ).get()
            #expect(try body(simulator, 0)["thread"] == "c-42")
            #expect(try body(simulator, 0)["conversationId"] == nil)
        }
    }

    @Test("where the server keeps nothing, the turns are kept and sent again, the step's system message anew")
    func kept() async throws {
        try await MarketplaceSimulator.withSimulator(try fast) { simulator in
            let harness = StepHarness()
            var section = MarketplaceSettings()
            section.conversations.keptBy = .journal
            section.conversations.turns = 2
            var answers: [Value] = []
            for prompt in ["One.", "Two.", "Three.", "Four."] {
                var next = harness
                next.services = Services()
                let output = try await next.chat(
                    try simulator.client(), section,
                    with: [
                        "system": "Be short.", "prompt": .string(prompt), "conversation": ["key": "k"],
                    ]
                ).get()
                answers.append(output["text"] ?? .null)
            }
            #expect(
                try body(simulator, 3)["messages"] == [
                    ["role": "system", "content": "Be short."],
                    ["role": "user", "content": "Two."], ["role": "assistant", "content": answers[1]],
                    ["role": "user", "content": "Three."], ["role": "assistant", "content": answers[2]],
                    ["role": "user", "content": "Four."],
                ])
        }
    }

    @Test("an agent that asks a person fails the step with the question, and its conversation is kept under the key")
    func question() async throws {
        try await MarketplaceSimulator.withSimulator(try fast) { simulator in
            let harness = StepHarness()
            let result = try await harness.chat(
                try simulator.client(),
                with: ["prompt": "Hi\nsimulate: interaction-required", "conversation": ["key": "k"]])
            guard case .failure(let error) = result else {
                Issue.record("it succeeded")
                return
            }
            #expect(error.code == "interaction-required")
            let id = try #require(error.partialOutput?["conversation_id"]?.asString)
            #expect(error.partialOutput?["question"] == "May I read your messages?")
            #expect(
                error.hint
                    == "answer by a chat with `conversation: \"\(id)\"`, or allow the agent beforehand what it asks for"
            )
            #expect(harness.journal.value(for: "k") == .string(id))
        }
    }

    @Test("a server that names no conversation is told of, since the key continues nothing")
    func unnamed() async throws {
        let quickstart = try SimulatorConfiguration {
            $0.pace = .zero
            $0.shape = .quickstart
        }
        try await MarketplaceSimulator.withSimulator(quickstart) { simulator in
            let harness = StepHarness()
            _ = try await harness.chat(
                try simulator.client(), with: ["prompt": "Hi", "conversation": ["key": "k"]]
            ).get()
            #expect(
                harness.progress.last
                    == .note(
                        #"the server named no conversation, so the key "k" continues nothing; "#
                            + "`marketplace.conversations: { kept_by: journal }` keeps the messages here"))
        }
    }

    @Test(
        "a correction repeats question and answer only where the server does not keep them",
        arguments: [
            (MarketplaceSettings.Conversations.Keeper.server, ["user"]),
            (.journal, ["system", "user", "assistant", "user"]),
        ])
    func correction(keeper: MarketplaceSettings.Conversations.Keeper, roles: [Value]) async throws {
        let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        let info = #"{"role":"assistant","messageInfo":{"conversationId":"conv-1"}}"#
        try await TestServer.run { request in
            let text = request.body.contains("Your answer does not fit") ? "{}" : "no JSON"
            return .raw(
                stream + "data: {\"choices\":[{\"delta\":\(info)}]}\n\n"
                    + "data: {\"choices\":[{\"delta\":{\"content\":\"\(text)\"}}]}\n\ndata: [DONE]\n\n")
        } body: { server in
            var section = MarketplaceSettings()
            section.conversations.keptBy = keeper
            _ = try await StepHarness().chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none), section,
                with: ["system": "Be short.", "prompt": "Hi", "schema": ["type": "object"]]
            ).get()
            let second = try Value.json(try #require(server.requests.last).body)
            #expect(server.requests.count == 2)
            #expect(second["messages"]?.asList?.map { $0["role"] } == roles)
            #expect(second["conversationId"] == (keeper == .server ? "conv-1" : nil))
        }
    }

    @Test(
        "a conversation without a name is an error before anything is sent",
        arguments: [
            ("", "`conversation`: it is empty"), (["key": " "], "`conversation`: it is empty"),
            (["id": "a", "key": "b"], "`conversation`: \"id\" and \"key\" are mutually exclusive"),
        ] as [(Value, String)])
    func unusable(value: Value, message: String) async throws {
        let settings = try MarketplaceConfiguration(baseURL: "http://127.0.0.1:1", authentication: .none)
        let result = try await StepHarness().chat(settings, with: ["prompt": "Hi", "conversation": value])
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.message == message)
    }

    @Test("the mode, the level and further members of the body pass through; the step's win over the settings'")
    func members() async throws {
        try await MarketplaceSimulator.withSimulator(try fast) { simulator in
            var section = MarketplaceSettings()
            section.body = ["temperature": 1, "user": "runnel"]
            section.bodyKeys.agentLevel = "level"
            _ = try await StepHarness().chat(
                try simulator.client(), section,
                with: [
                    "prompt": "Hi", "agent_mode": false, "agent_level": "high_performance",
                    "body": ["temperature": 0.5, "tools": []],
                ]
            ).get()
            let body = try body(simulator, 0)
            #expect(body["temperature"] == 0.5)
            #expect(body["user"] == "runnel")
            #expect(body["tools"] == [])
            #expect(body["agentMode"] == false)
            #expect(body["level"] == "high_performance")
            #expect(body["stream_options"] == ["include_usage": true])
        }
    }

    @Test("members that Runnel writes itself cannot be set", arguments: ["messages", "stream"])
    func ownMembers(key: String) async throws {
        let settings = try MarketplaceConfiguration(baseURL: "http://127.0.0.1:1", authentication: .none)
        let result = try await StepHarness().chat(settings, with: ["prompt": "Hi", "body": [key: true]])
        guard case .failure(let error) = result else {
            Issue.record("it succeeded")
            return
        }
        #expect(error.message == "`body.\(key)`: the key \"\(key)\" cannot be set here")
    }
}
