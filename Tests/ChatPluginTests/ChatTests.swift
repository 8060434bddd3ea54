import HTTPTestServer
import Marketplace
import MarketplaceSimulator
import RunnelKit
import RunnelTesting
import Testing

@testable import ChatPlugin

/// Runs the step against a simulator on loopback.
private func chat(
    _ with: ValueObject, input: Value = .null, fault: Fault? = nil,
    attempts: Int = 1, idle: Duration = .seconds(30)
) async throws -> (result: Result<Value, StepError>, progress: [StepProgress], requests: [RecordedRequest]) {
    let configuration = try SimulatorConfiguration {
        $0.pace = .zero
        $0.faults = fault.map { .every($0) } ?? .none
    }
    return try await MarketplaceSimulator.withSimulator(configuration) { simulator in
        let settings = try MarketplaceConfiguration(
            baseURL: simulator.baseURL,
            authentication: .clientCredentials(
                clientID: configuration.clientID, clientSecret: configuration.clientSecret),
            agentID: configuration.agentID, timeouts: .init(idle: idle), retry: .init(attempts: attempts))
        var harness = StepHarness()
        harness.input = input
        let result = try await harness.chat(settings, with: with)
        return (result, harness.progress, simulator.chatRequests)
    }
}

extension Result {
    var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}

private func text(of progress: [StepProgress]) -> String {
    progress.map { if case .text(let text) = $0 { text } else { "" } }.joined()
}

private func notes(of progress: [StepProgress]) -> [String] {
    progress.compactMap { if case .note(let note) = $0 { note } else { nil } }
}

@Suite("chat") struct ChatTests {
    private let label: Value = [
        "type": "object", "required": ["label"], "properties": ["label": ["enum": ["bug", "feature"]]],
    ]

    @Test("the answer is streamed as text and comes out with everything the server told")
    func answer() async throws {
        let (result, progress, _) = try await chat(["prompt": "こんにちは"])
        let output = try result.get()
        #expect(output["text"]?.asString?.contains("こんにちは") == true)
        #expect(output["text"]?.asString == text(of: progress))
        #expect(output["finish_reason"] == "stop")
        #expect(output.asObject?.keys.sorted() == Chat.outputSchema?["properties"]?.asObject?.keys.sorted())
        #expect(output["json"] == .null)
        #expect(output["message_id"]?.asString?.isEmpty == false)
        #expect(output["conversation_id"]?.asString?.isEmpty == false)
        #expect(output["tasks"]?.asList?.count == 2)
        #expect(
            notes(of: progress) == ["tool_call · read_message · running", "tool_result · success · completed"])
    }

    @Test("without prompt and messages the input is asked")
    func input() async throws {
        let (result, _, requests) = try await chat([:], input: "What came through the pipe")
        _ = try result.get()
        let body = try Value.json(try #require(requests.first).body)
        #expect(body["messages"] == [["role": "user", "content": "What came through the pipe"]])
        #expect(body["agentId"] == "agent-ai-bot")
        #expect(body["stream"] == true)
    }

    @Test(
        "a null does not let the input be asked, and nothing is paid for",
        arguments: [
            (["prompt": .null], "`prompt`: expected a string, found null"),
            (["messages": .null], "`messages`: expected a list, found null"),
            (["messages": [["content": .null]]], "`messages[0].content`: expected a string, found null"),
            (["prompt": "a", "agent_id": .null], "`agent_id`: expected a string, found null"),
            (["prompt": "a", "schema": .null], "`schema`: expected a JSON schema, found null"),
        ] as [(ValueObject, String)])
    func null(with: ValueObject, message: String) async throws {
        let (result, _, requests) = try await chat(with, input: "ANOTHER STEP'S OUTPUT")
        #expect(result.failure?.code == "empty-value")
        #expect(result.failure?.message == message)
        #expect(requests.isEmpty)
    }

    @Test("system stands before the messages, and a step may name another agent and model")
    func conversation() async throws {
        let (_, _, requests) = try await chat([
            "system": "Be short.", "agent_id": "agent-ai-bot", "model": "OTHER",
            "messages": [["content": "One"], ["role": "assistant", "content": "Two"], ["content": "Three"]],
        ])
        let body = try Value.json(try #require(requests.first).body)
        #expect(body["model"] == "OTHER")
        #expect(
            body["messages"] == [
                ["role": "system", "content": "Be short."], ["role": "user", "content": "One"],
                ["role": "assistant", "content": "Two"], ["role": "user", "content": "Three"],
            ])
    }

    @Test(
        "an empty prompt is refused before anything is paid for",
        arguments: [
            (["prompt": "  \n"], "`prompt`: it is empty", nil),
            ([:], "the prompt is empty", "give `prompt`, or let a step before produce a text"),
            (["messages": []], "`messages`: it is empty", nil),
            (["messages": [["content": "a"], ["content": ""]]], "`messages[1].content`: it is empty", nil),
        ] as [(ValueObject, String, String?)])
    func empty(with: ValueObject, message: String, hint: String?) async throws {
        let (result, _, requests) = try await chat(with)
        let error = try #require(result.failure)
        #expect(error.code == "empty-prompt")
        #expect(error.message == message)
        #expect(error.hint == hint)
        #expect(requests.isEmpty)
    }

    @Test(
        "with a schema the answer is JSON that fits",
        arguments: [nil, .proseAroundJSON, .fencedJSON, .jsonInThink] as [Fault?])
    func schema(fault: Fault?) async throws {
        let (result, _, requests) = try await chat(["prompt": "This is a bug", "schema": label], fault: fault)
        let output = try result.get()
        #expect(output["json"] == ["label": "bug"])
        #expect(requests.count == 1)
    }

    @Test("an answer that does not fit is sent back once with the reason")
    func correction() async throws {
        let (result, progress, requests) = try await chat(
            ["prompt": "This is a bug", "schema": label], fault: .schemaMismatchOnce)
        let output = try result.get()
        #expect(["bug", "feature"].contains(output["json"]?["label"]))
        #expect(requests.count == 2)
        let note = try #require(notes(of: progress).first { $0.contains("does not fit") })
        #expect(note.hasSuffix("; asking once more"))
        let second = try Value.json(try #require(requests.last).body)
        // The server has put the chat into a conversation and knows what was said.
        #expect(second["conversationId"] == output["conversation_id"])
        #expect(second["messages"]?.asList?.map { $0["role"] } == ["user"])
        let content = try #require(second["messages"]?[0]?["content"]?.asString)
        #expect(content.hasPrefix("Your answer does not fit: "))
        #expect(content.hasSuffix(label.json()))
    }

    @Test("an answer that never fits fails the step and keeps the text")
    func neverFits() async throws {
        let (result, _, requests) = try await chat(["prompt": "x", "schema": label], fault: .emptyAnswer)
        let error = try #require(result.failure)
        #expect(error.code == "schema-mismatch")
        #expect(error.message == "the answer does not fit the schema, also when asked again: it is empty")
        #expect(error.hint == "loosen the schema, or say in the prompt what each key has to hold")
        #expect(requests.count == 2)
    }

    @Test("a schema that is none is found when the pipeline is validated")
    func badSchema() throws {
        let problem = try #require(StepDefinition(Chat.self).problems("schema", ["type": "objekt"]).first)
        #expect(problem.message.hasPrefix("not a JSON schema: "))
    }

    @Test(
        "failures keep the client's words and say whether trying again may help",
        arguments: [
            (.forbidden, "forbidden", false), (.badRequest, "bad-request", false),
            (.serverErrorAlways, "server-error", true),
            (.cutOff, "stream-cut-off", true), (.errorMidStream, "error-in-stream", false),
            (.htmlInsteadOfStream, "not-an-event-stream", false), (.missingDone, "stream-cut-off", true),
            (.finishError, "error-in-stream", true), (.finishLength, "answer-truncated", false),
            (.contentFilter, "content-filter", false), (.refusal, "refusal", false),
            (.flatError, "error-in-stream", false), (.toolCall, "unexpected-tool-call", false),
            (.hugeLine, "line-too-long", false),
        ] as [(Fault, String, Bool)])
    func failures(fault: Fault, code: String, isTransient: Bool) async throws {
        let (result, progress, _) = try await chat(["prompt": "Tell me something about rivers"], fault: fault)
        let error = try #require(result.failure)
        #expect(error.code == code)
        #expect(error.isTransient == isTransient)
        #expect(error.hint?.isEmpty == false)
        // What had come stays with the failure.
        #expect((error.partialOutput?.asString ?? "") == text(of: progress))
    }

    @Test(
        "ends and shapes of the simulator that are a success",
        arguments: [.doneWithoutBlankLine, .emptyEvents, .contentParts, .splitCharacter] as [Fault])
    func successes(fault: Fault) async throws {
        let (plain, _, _) = try await chat(["prompt": "Tell me something about rivers"])
        let (result, _, requests) = try await chat(["prompt": "Tell me something about rivers"], fault: fault)
        let text = try result.get()["text"]?.asString
        #expect(text?.replacing("😀 ", with: "") == (try plain.get()["text"]?.asString))
        #expect(text?.contains("😀") == (fault == .splitCharacter))
        #expect(requests.count == 1)
    }

    @Test("a completion in JSON that is no stream is an answer")
    func document() async throws {
        let (result, _, _) = try await chat(["prompt": "Hello"], fault: .jsonInsteadOfStream)
        #expect(try result.get()["text"] == "Simulated: not a stream.")
    }

    @Test("a question of the agent fails the step with what was asked and where")
    func question() async throws {
        let (result, _, _) = try await chat(["prompt": "Hello"], fault: .interactionRequired)
        let error = try #require(result.failure)
        #expect(error.code == "interaction-required")
        #expect(!error.isTransient)
        let kept = try #require(error.partialOutput)
        #expect(kept["question"] == "May I read your messages?")
        #expect(kept["kind"] == "permission_request")
        let id = try #require(kept["conversation_id"]?.asString)
        #expect(
            error.message
                == #"the agent asks and waits for a person: "May I read your messages?" (conversation "\#(id)")"#)
    }

    @Test("a retry before the first token is told")
    func retryNote() async throws {
        let (result, progress, _) = try await chat(["prompt": "Hello"], fault: .serverErrorOnce, attempts: 2)
        _ = try result.get()
        let note = try #require(notes(of: progress).first { $0.contains("; trying again in ") })
        #expect(note.hasPrefix("the server failed: 500 Internal Server Error"))
        #expect(note.hasSuffix("(attempt 2 of 2)"))
    }

    @Test("the Retry-After of a server is passed on to `retry`")
    func retryAfter() async throws {
        try await TestServer.run { _ in
            .reply(429, [("retry-after", "600")], "")
        } body: { server in
            let settings = try MarketplaceConfiguration(baseURL: server.url, authentication: .none)
            let error = try #require(try await StepHarness().chat(settings, with: ["prompt": "Hello"]).failure)
            #expect(error.code == "rate-limited")
            #expect(error.isTransient)
            #expect(error.retryAfter == .seconds(600))
            #expect(server.requests.count == 1)
        }
    }

    @Test("an access token that the server repeats in its answer is masked")
    func accessToken() async throws {
        let token = "access-token-0123456789"
        try await TestServer.run { request in
            request.uri.hasSuffix("token")
                ? .reply(200, [("content-type", "application/json")], #"{"access_token":"\#(token)","expires_in":60}"#)
                : .reply(
                    200, [("content-type", "text/event-stream")],
                    "data: {\"choices\":[{\"delta\":{\"content\":\"It is \(token)\"}}]}\n\ndata: [DONE]\n\n")
        } body: { server in
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .clientCredentials(clientID: "id", clientSecret: "s3cr3t"))
            let harness = StepHarness()
            let output = try await harness.chat(settings, with: ["prompt": "Hello"]).get()
            #expect(harness.redactor.redact(output)["text"] == "It is ***")
        }
    }
}
