import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import RunnelTesting
import RunnelValue
import Testing

@testable import MarketplaceSimulator

@Suite("Request checks")
struct RequestCheckTests {
    private static let tokenPath = "/api/v1/auth/external-service-token"
    private static let chatPath = "/api/v1/chat/completions"

    /// Sends one request to a simulation without a network.
    private func send(
        _ path: String, body: String, method: HTTPRequest.Method = .post, contentType: String? = "application/json",
        token: String? = nil, to simulation: Simulation = Simulation(.quick())
    ) async throws -> TestResponse {
        let application = SimulatorApplication.make(simulation, logger: Logger(label: "test")) { _ in }
        var headers = HTTPFields()
        headers[.contentType] = contentType
        headers[.authorization] = token.map { "Bearer \($0)" }
        let fields = headers
        return try await application.test(.router) { client in
            try await client.execute(
                uri: path, method: method, headers: fields, body: ByteBuffer(string: body)
            ) { $0 }
        }
    }

    private func token(of simulation: Simulation) async throws -> String {
        let answer = try await send(Self.tokenPath, body: Caller.credentials, to: simulation)
        return try #require(try Value.json(String(buffer: answer.body))["access_token"]?.asString)
    }

    private func error(_ code: String, _ message: String) -> String {
        #"{"success":false,"error":{"code":"\#(code)","message":\#(Value.string(message).json())}}"#
    }

    @Test("the token has both documented forms")
    func tokenShapes() async throws {
        let guide = try await send(Self.tokenPath, body: Caller.credentials)
        #expect(guide.status == .ok)
        #expect(guide.headers[.contentType] == "application/json; charset=utf-8")
        #expect(
            String(buffer: guide.body).wholeMatch(
                of:
                    /{"success":true,"access_token":"simulated\.1\.[0-9a-f]{16}","token_type":"Bearer","expires_in":3600,"scope":"openid"}/
            )
                != nil)
        let simulation = Simulation(
            .quick {
                $0.shape = .quickstart; $0.tokenLifetime = .milliseconds(1500)
            })
        let quickstart = try await send(Self.tokenPath, body: Caller.credentials, to: simulation)
        #expect(
            String(buffer: quickstart.body).wholeMatch(
                of: /{"access_token":"simulated\.1\.[0-9a-f]{16}","token_type":"Bearer","expires_in":2}/) != nil)
    }

    @Test(
        "a token request with wrong or missing credentials is refused",
        arguments: [
            (
                #"{"client_id":"mp-service-001","client_secret":"no"}"#, 401, "invalid_client",
                "The client id or the client secret is wrong."
            ),
            (#"{"client_id":"mp-service-001"}"#, 400, "invalid_request", #""client_secret" is missing."#),
            (#"{"client_id":7}"#, 400, "invalid_request", #""client_id" must be a string, not a number."#),
            ("[]", 400, "invalid_request", "The body must be a JSON object, not an array."),
            (
                "{", 400, "invalid_request",
                "The body is not JSON: line 1, column 2: expected a key in quotes, found the end."
            ),
        ])
    func credentials(body: String, status: Int, code: String, message: String) async throws {
        let answer = try await send(Self.tokenPath, body: body)
        #expect(answer.status.code == status)
        #expect(String(buffer: answer.body) == error(code, message))
    }

    @Test(
        "a malformed chat request is refused with the field at fault",
        arguments: [
            (#"{"agentId":"agent-ai-bot","messages":[]}"#, #""stream" must be true: this endpoint only streams."#),
            (#"{"stream":true,"messages":[]}"#, #""agentId" is missing."#),
            (#"{"stream":true,"agentId":"agent-ai-bot"}"#, #""messages" is missing."#),
            (#"{"stream":true,"agentId":"agent-ai-bot","messages":[]}"#, #""messages" is empty."#),
            (
                #"{"stream":true,"agentId":"agent-ai-bot","messages":{}}"#,
                #""messages" must be an array, not an object."#
            ),
            (
                #"{"stream":true,"agentId":"agent-ai-bot","messages":[{"role":"robot","content":"x"}]}"#,
                #"messages[0]: The role "robot" is unknown. It must be system, user or assistant."#
            ),
            (
                #"{"stream":true,"agentId":"agent-ai-bot","messages":[{"role":"user","content":""}]}"#,
                #"messages[0]: "content" is empty."#
            ),
            (
                #"{"stream":true,"agentId":"agent-ai-bot","messages":[{"role":"user","content":"x"}],"response_format":{"type":"xml"}}"#,
                #"The response_format "xml" is unknown. It must be text, json_object or json_schema."#
            ),
            (
                #"{"stream":true,"agentId":"agent-ai-bot","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema"}}"#,
                #""response_format.json_schema.schema" is missing."#
            ),
        ])
    func malformedChat(body: String, message: String) async throws {
        let simulation = Simulation(.quick())
        let answer = try await send(Self.chatPath, body: body, token: token(of: simulation), to: simulation)
        #expect(answer.status == .badRequest)
        #expect(String(buffer: answer.body) == error("invalid_request", message))
    }

    @Test("a missing, unknown or expired token, a missing scope and an unknown agent are refused")
    func authorization() async throws {
        let body = Caller.chatBody("Hello")
        let missing = try await send(Self.chatPath, body: body)
        #expect(missing.status == .unauthorized)
        #expect(missing.headers[.wwwAuthenticate] == #"Bearer error="invalid_token""#)
        #expect(
            String(buffer: missing.body)
                == error("invalid_token", #"The header "Authorization: Bearer <access token>" is missing."#))
        let unknown = try await send(Self.chatPath, body: body, token: "nonsense")
        #expect(unknown.status == .unauthorized)

        let clock = ManualClock()
        let simulation = Simulation(.quick { $0.clock = clock })
        let token = try await token(of: simulation)
        clock.advance(by: .seconds(3599))
        #expect(try await send(Self.chatPath, body: body, token: token, to: simulation).status == .ok)
        clock.advance(by: .seconds(1))
        let expired = try await send(Self.chatPath, body: body, token: token, to: simulation)
        #expect(expired.status == .unauthorized)
        #expect(
            String(buffer: expired.body) == error("invalid_token", "The access token is invalid or has expired."))

        let unscoped = Simulation(.quick { $0.scopes = [] })
        let forbidden = try await send(Self.chatPath, body: body, token: self.token(of: unscoped), to: unscoped)
        #expect(forbidden.status == .forbidden)
        #expect(
            String(buffer: forbidden.body)
                == error("insufficient_scope", #"The access token lacks the scope "openid"."#))

        let elsewhere = Simulation(.quick { $0.agentID = "other" })
        let stranger = try await send(Self.chatPath, body: body, token: self.token(of: elsewhere), to: elsewhere)
        #expect(stranger.status == .notFound)
        #expect(String(buffer: stranger.body) == error("agent_not_found", #"There is no agent "agent-ai-bot"."#))
    }

    @Test("another path, method, content type, encoding or size is refused")
    func transport() async throws {
        let path = try await send("/api/v2/chat", body: "{}")
        #expect(path.status == .notFound)
        #expect(String(buffer: path.body) == error("not_found", #"There is nothing at the path "/api/v2/chat"."#))
        let method = try await send(Self.chatPath, body: "", method: .get)
        #expect(method.status == .methodNotAllowed)
        #expect(method.headers[.allow] == "POST")
        let type = try await send(Self.tokenPath, body: Caller.credentials, contentType: "text/plain")
        #expect(type.status == .badRequest)
        #expect(
            String(buffer: type.body)
                == error("invalid_request", #"The content type must be application/json, not "text/plain"."#))
        let charset = try await send(
            Self.tokenPath, body: Caller.credentials, contentType: "Application/JSON; charset=utf-8")
        #expect(charset.status == .ok)
        let large = try await send(Self.tokenPath, body: String(repeating: " ", count: 4_194_305))
        #expect(large.status == .contentTooLarge)
    }
}
