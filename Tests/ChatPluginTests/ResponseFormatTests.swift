import AsyncHTTPClient
import HTTPTestServer
import Marketplace
import RunnelKit
import RunnelTesting
import Testing

@testable import ChatPlugin

/// How a server is told that an answer has to fit a schema.
@Suite("The response format") struct ResponseFormatTests {
    private static let schema: Value = [
        "type": "object", "required": ["label"], "properties": ["label": ["enum": ["bug"]]],
    ]
    private static let stream =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        + #"data: {"choices": [{"index": 0, "delta": {"content": "{\"label\": \"bug\"}"}, "finish_reason": "stop"}]}"#
        + "\n\ndata: [DONE]\n\n"
    private static let instruction = """
        Label it

        Answer with JSON alone, without any other text, that fits this JSON schema:
        {"type":"object","required":["label"],"properties":{"label":{"enum":["bug"]}}}
        """

    /// Asks twice, and returns what the server saw: the bodies of the requests.
    private func ask(
        _ setting: MarketplaceSettings.ResponseFormat, refusal: String? = nil, refusesAll: Bool = false
    ) async throws -> (outputs: [Result<Value, StepError>], bodies: [Value], notes: [StepProgress]) {
        try await TestServer.run { request in
            guard let refusal, refusesAll || request.body.contains("response_format") else { return .raw(Self.stream) }
            return .reply(400, [("content-type", "application/json")], refusal)
        } body: { server in
            let configuration = try MarketplaceConfiguration(baseURL: server.url + "/v1", authentication: .none)
            let http = HTTPClient(configuration: configuration.httpClientConfiguration)
            var section = MarketplaceSettings()
            section.responseFormat = setting
            let service = MarketplaceService.Service(
                client: MarketplaceClient(configuration: configuration, httpClient: http), httpClient: http,
                settings: section)
            let harness = StepHarness()
            await MarketplaceService.register(in: harness.services) { _ in service }
            var outputs: [Result<Value, StepError>] = []
            for _ in 0..<2 {
                do {
                    outputs.append(
                        .success(try await harness.run(Chat.self, with: ["prompt": "Label it", "schema": Self.schema])))
                } catch let error as StepError {
                    outputs.append(.failure(error))
                }
            }
            await harness.services.shutDown()
            let bodies = try server.requests.map { try Value.json($0.body) }
            return (outputs, bodies, harness.progress.filter { if case .note = $0 { true } else { false } })
        }
    }

    @Test("by default it is sent as a schema, which the prompt need not say")
    func schema() async throws {
        let (outputs, bodies, _) = try await ask(.auto)
        #expect(try outputs.map { try $0.get()["json"] } == [["label": "bug"], ["label": "bug"]])
        #expect(bodies.map { $0["response_format"]?["type"] } == ["json_schema", "json_schema"])
        #expect(bodies.first?["response_format"]?["json_schema"]?["schema"] == Self.schema)
        #expect(bodies.first?["messages"] == [["role": "user", "content": "Label it"]])
    }

    @Test(
        "a server that refuses it is asked once more with the schema in the prompt, and then always",
        arguments: [
            #"{"error": {"message": "response_format is not supported"}}"#,
            #"{"error": "Invalid parameter: 'json_schema' is not supported with this model"}"#,
        ])
    func refused(refusal: String) async throws {
        let (outputs, bodies, notes) = try await ask(.auto, refusal: refusal)
        #expect(try outputs.map { try $0.get()["json"] } == [["label": "bug"], ["label": "bug"]])
        #expect(bodies.map { $0["response_format"] != nil } == [true, false, false])
        #expect(bodies.last?["messages"] == [["role": "user", "content": .string(Self.instruction)]])
        let note = "the server does not accept `response_format`; asking with the schema in the prompt"
        #expect(notes == [.note(note), .note(note)])
    }

    @Test(
        "a refusal that may be of this schema alone is not remembered",
        arguments: [
            #"{"error": {"message": "Invalid schema for response_format: pattern is not supported"}}"#,
            #"{"error": {"message": "response_format: too many properties"}}"#,
        ])
    func refusedSchema(refusal: String) async throws {
        let (outputs, bodies, notes) = try await ask(.auto, refusal: refusal)
        #expect(try outputs.map { try $0.get()["json"] } == [["label": "bug"], ["label": "bug"]])
        #expect(bodies.map { $0["response_format"] != nil } == [true, false, true, false])
        #expect(notes.count == 2)
    }

    @Test("a refusal is remembered only once the chat has succeeded without")
    func refusedInBothWays() async throws {
        let refusal = #"{"error": {"message": "response_format is not supported"}}"#
        let (outputs, bodies, _) = try await ask(.auto, refusal: refusal, refusesAll: true)
        #expect(outputs.allSatisfy { if case .failure = $0 { true } else { false } })
        #expect(bodies.map { $0["response_format"] != nil } == [true, false, true, false])
    }

    @Test("a refusal for another reason, or with a fixed setting, fails the step")
    func otherRefusals() async throws {
        let (other, bodies, _) = try await ask(.auto, refusal: #"{"error": {"message": "unknown model"}}"#)
        #expect(
            other.map { if case .failure(let error) = $0 { error.code } else { "" } } == ["bad-request", "bad-request"])
        // Each was made once more without `stream_options`.
        #expect(bodies.count == 4)
        let (fixed, _, _) = try await ask(.jsonSchema, refusal: #"{"error": {"message": "no response_format"}}"#)
        #expect(
            fixed.map { if case .failure(let error) = $0 { error.code } else { "" } } == ["bad-request", "bad-request"])
    }

    @Test("`json_object` and `none` say the schema in the prompt")
    func settings() async throws {
        let (_, object, _) = try await ask(.jsonObject)
        #expect(object.first?["response_format"] == ["type": "json_object"])
        #expect(object.first?["messages"] == [["role": "user", "content": .string(Self.instruction)]])
        let (_, none, _) = try await ask(.none)
        #expect(none.first?["response_format"] == nil)
        #expect(none.first?["messages"] == [["role": "user", "content": .string(Self.instruction)]])
    }
}
