import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import RunnelValue

@testable import MarketplaceSimulator

/// Calls a running simulator as a client would.
struct Caller {
    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let body: String
    }

    let baseURL: String

    init(_ simulator: RunningSimulator) { baseURL = simulator.baseURL }

    static let credentials = #"{"client_id":"mp-service-001","client_secret":"simulated-secret"}"#

    static func chatBody(_ prompt: String, more: String = "") -> String {
        let content = Value.string(prompt).json()
        return #"{"model":"AGENTIC STAR","stream":true,"agentId":"agent-ai-bot","messages":[{"role":"user","content":"#
            + content + "}]\(more)}"
    }

    func token() async throws -> String {
        let answer = try await post("/api/v1/auth/external-service-token", body: Self.credentials)
        return try Value.json(answer.body)["access_token"]?.asString ?? ""
    }

    /// A chat request with a fresh token.
    func chat(_ prompt: String, more: String = "", headers: [(String, String)] = []) async throws -> Answer {
        try await chat(prompt, token: token(), more: more, headers: headers)
    }

    func chat(
        _ prompt: String, token: String, more: String = "", headers: [(String, String)] = []
    ) async throws -> Answer {
        try await post(
            "/api/v1/chat/completions", body: Self.chatBody(prompt, more: more),
            headers: headers + [("Authorization", "Bearer \(token)")])
    }

    func post(_ path: String, body: String, headers: [(String, String)] = []) async throws -> Answer {
        let response = try await start(path, body: body, headers: headers)
        let buffer = try await response.body.collect(upTo: 16 * 1_048_576)
        return Answer(
            status: Int(response.status.code), headers: response.headers, body: String(buffer: buffer))
    }

    /// Returns once the headers have come.
    func start(_ path: String, body: String, headers: [(String, String)]) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: baseURL + path)
        request.method = .POST
        request.headers = HTTPHeaders([("Content-Type", "application/json")] + headers)
        request.body = .bytes(ByteBuffer(string: body))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    }

    func startChat(_ prompt: String, token: String) async throws -> HTTPClientResponse {
        try await start(
            "/api/v1/chat/completions", body: Self.chatBody(prompt), headers: [("Authorization", "Bearer \(token)")])
    }

    /// The contents of all deltas of a stream.
    static func text(of body: String) throws -> String {
        try events(of: body).filter { $0 != "[DONE]" }
            .map { try Value.json($0)["choices"]?.asList?.first?["delta"]?["content"]?.asString ?? "" }
            .joined()
    }

    static func events(of body: String) -> [String] {
        body.split(separator: "\n\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
    }
}

extension SimulatorConfiguration {
    /// Without waits, and with a wall clock that stands still.
    static func quick(_ change: (inout SimulatorConfiguration) -> Void = { _ in }) -> SimulatorConfiguration {
        var configuration = SimulatorConfiguration()
        configuration.pace = .zero
        configuration.wallClock = { 1_795_451_400_123 }
        change(&configuration)
        return configuration
    }
}
