import AsyncHTTPClient
import ChatPlugin
import HTTPTestServer
import Marketplace
import RunnelKit
import RunnelTesting
import Testing
import Tracing

@testable import Telemetry

private let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
private let hello = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello hunter2x\"}}]}\n\n"
private let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
private let usage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n"
private let done = "data: [DONE]\n\n"

@Suite("The span of a chat", .timeLimit(.minutes(5))) struct ChatSpanTests {
    private let log = SpanLog()

    /// The step's own span, and what the server was asked.
    private func chat(
        content: Bool = false, prompt: String = "Hi", agent: String? = "helper",
        authentication: MarketplaceConfiguration.Authentication = .none,
        _ answer: @escaping @Sendable (TestServer.Request) -> TestServer.Answer
    ) async throws -> (step: RecordedSpan, requests: [TestServer.Request]) {
        let tracer = log.tracer()
        let step = tracer.startSpan("step chat")
        let place = try #require(step.context.traceContext)
        var harness = StepHarness()
        harness.redactor = Redactor(secrets: ["hunter2x"])
        harness.trace = StepTrace(place, tracer: tracer, below: step, recordsContent: content)
        let requests = try await TestServer.run(answer) { server in
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: authentication, agentID: agent, model: "small",
                retry: RetryPolicy(attempts: 1))
            await MarketplaceService.register(in: harness.services) { _ in
                let http = HTTPClient(configuration: settings.httpClientConfiguration)
                return .init(client: MarketplaceClient(configuration: settings, httpClient: http), httpClient: http)
            }
            let definition = try #require(ChatPlugin().steps.first { $0.name == "chat" })
            _ = try? await definition.run(["prompt": .string(prompt)], harness.context)
            await harness.services.shutDown()
            return server.requests
        }
        return (step, requests)
    }

    @Test("it is `invoke_agent` of the kind CLIENT, with what the server told and the pinned names")
    func span() async throws {
        let (step, requests) = try await chat { _ in .raw(head + hello + stop + usage + done) }
        let span = try #require(log["invoke_agent helper"])
        #expect(span.kind == .client)
        #expect(span.parentID == step.context.traceContext?.spanID)
        #expect(span["gen_ai.operation.name"] == "invoke_agent")
        #expect(span["gen_ai.provider.name"] == "agentic_star")
        #expect(span["gen_ai.agent.id"] == "helper")
        #expect(span["gen_ai.request.model"] == "small")
        #expect(span["gen_ai.response.finish_reasons"] == "stop")
        #expect(span["gen_ai.usage.input_tokens"] == "12")
        #expect(span["gen_ai.usage.output_tokens"] == "3")
        #expect(span["gen_ai.usage.cache_read.input_tokens"] == "8")
        #expect(span["gen_ai.response.time_to_first_chunk"].flatMap(Double.init) ?? -1 >= 0)
        #expect(span["error.type"] == nil)
        #expect(span["gen_ai.input.messages"] == nil)
        #expect(span["gen_ai.output.messages"] == nil)
        let sent = requests.last?.headers["traceparent"]
        #expect(sent == [span.context.traceparent])
    }

    @Test("a model behind a server in OpenAI's style is of the provider `openai`")
    func model() async throws {
        _ = try await chat(agent: nil) { _ in .raw(head + hello + stop + done) }
        let span = try #require(log["invoke_agent small"])
        #expect(span["gen_ai.provider.name"] == "openai")
        #expect(span.attributes.get("gen_ai.agent.id") == nil)
    }

    @Test("with the Marketplace's credentials the provider is `agentic_star`, also without an agent's id")
    func marketplace() async throws {
        let credentials = MarketplaceConfiguration.Authentication.clientCredentials(
            clientID: "mp", clientSecret: "hunter2x")
        _ = try await chat(agent: nil, authentication: credentials) { request in
            request.uri.hasSuffix("/external-service-token")
                ? .reply(
                    200, [("content-type", "application/json")],
                    #"{"access_token":"jwt-1","token_type":"Bearer","expires_in":3600}"#)
                : .raw(head + hello + stop + done)
        }
        let span = try #require(log["invoke_agent small"])
        #expect(span["gen_ai.provider.name"] == "agentic_star")
    }

    @Test("tokens that the server did not tell are left out, and not zero")
    func unknown() async throws {
        _ = try await chat { _ in .raw(head + hello + stop + done) }
        let span = try #require(log["invoke_agent helper"])
        for key in ["input_tokens", "output_tokens", "cache_read.input_tokens"] {
            #expect(span.attributes.get("gen_ai.usage.\(key)") == nil)
        }
        #expect(span.attributes.get("gen_ai.conversation.id") == nil)
    }

    @Test("prompts and answers stand in it only when they are asked for, redacted")
    func content() async throws {
        _ = try await chat(content: true, prompt: "My key is hunter2x") { _ in .raw(head + hello + stop + done) }
        let span = try #require(log["invoke_agent helper"])
        #expect(
            span["gen_ai.input.messages"]
                == #"[{"role":"user","parts":[{"type":"text","content":"My key is ***"}]}]"#)
        #expect(
            span["gen_ai.output.messages"]
                == #"[{"role":"assistant","parts":[{"type":"text","content":"Hello ***"}],"finish_reason":"stop"}]"#)
    }

    @Test("secrets are masked before the name and the status of a task are cut")
    func cutTask() async throws {
        let text = String(repeating: "x", count: 96)
        let task = #"{"callId":"u","title":"\#(text)hunter2x","status":"\#(text)hunter2x"}"#
        let event = "data: {\"choices\":[{\"delta\":{\"tasks\":[\(task)]}}]}\n\n"
        _ = try await chat { _ in .raw(head + event + hello + stop + done) }
        let span = try #require(log["execute_tool \(text)***"])
        #expect(span["runnel.task.status"] == text + "***")
    }

    @Test("a failure is told by its code")
    func failure() async throws {
        _ = try await chat { _ in .reply(400, [("content-type", "application/json")], "{}") }
        let span = try #require(log["invoke_agent helper"])
        #expect(span["error.type"] == "bad-request")
        #expect(span.status?.code == .error)
    }
}
