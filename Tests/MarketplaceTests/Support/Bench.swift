import AsyncHTTPClient
import Logging
import NIOHTTP1
import Testing

@testable import Marketplace

let chatPath = "/api/v1/chat/completions"
let tokenPath = "/api/v1/auth/external-service-token"
let clientID = "mp-service-001"
let clientSecret = "s3cr3t/+ value?"

/// Answers token requests with numbered tokens, and leaves the rest to the test.
func issuingTokens(_ exchange: ServerExchange) -> Bool {
    guard exchange.head.uri == tokenPath else { return false }
    exchange.reply(200, #"{"access_token":"jwt-1","token_type":"Bearer","expires_in":3600}"#)
    return true
}

/// A client, the server it talks to, and the clock that both stand on.
struct Bench: Sendable {
    let server: ScriptedServer
    let client: MarketplaceClient
    let clock: TestClock

    /// A question whose answer the test scripts.
    func ask(
        _ content: String = "こんにちは", onRetry: (@Sendable (RetryNotice) -> Void)? = nil
    ) -> ChatStream {
        client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: content)], onRetry: onRetry))
    }
}

extension Bench {
    /// One call, to be asked for its batches one at a time.
    func call() -> ChatCall {
        ChatCall(client: client, request: ChatRequest(messages: [ChatMessage(role: "user", content: "x")]))
    }
}

extension ChatCall {
    /// The failure that the next batch turns out to be.
    func failure() async throws -> MarketplaceError {
        let events: [ChatEvent]?
        do { events = try await next() } catch { return error }
        throw NoFailure(events: events ?? [])
    }
}

/// Runs a test with a server and a client, and takes both down.
func withBench(
    authentication: MarketplaceConfiguration.Authentication = .clientCredentials(
        clientID: clientID, clientSecret: clientSecret),
    timeouts: MarketplaceConfiguration.Timeouts = .init(),
    limits: MarketplaceConfiguration.Limits = .init(),
    dialect: MarketplaceConfiguration.Dialect = .init(),
    retry: RetryPolicy = .init(),
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    answer: @escaping @Sendable (ServerExchange) -> Bool = issuingTokens,
    _ body: (Bench) async throws -> Void
) async throws {
    let server = try await ScriptedServer(answer: answer)
    let configuration = try MarketplaceConfiguration(
        baseURL: server.url, authentication: authentication, agentID: "agent-ai-bot", dialect: dialect,
        timeouts: timeouts, limits: limits, retry: retry)
    let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
    let clock = TestClock()
    let client = MarketplaceClient(configuration: configuration, httpClient: http, logger: logger, clock: clock)
    do {
        try await body(Bench(server: server, client: client, clock: clock))
    } catch {
        try await http.shutdown()
        try await server.stop()
        throw error
    }
    try await http.shutdown()
    try await server.stop()
}

extension AsyncSequence {
    /// Everything the sequence gives.
    func collect() async throws -> [Element] {
        var elements: [Element] = []
        for try await element in self { elements.append(element) }
        return elements
    }
}

extension ChatStream {
    /// What came before the failure, and the failure.
    func failure() async throws -> (events: [ChatEvent], error: MarketplaceError) {
        var events: [ChatEvent] = []
        do {
            for try await event in self { events.append(event) }
        } catch let error as MarketplaceError {
            return (events, error)
        }
        throw NoFailure(events: events)
    }
}

struct NoFailure: Error {
    var events: [ChatEvent]
}

/// Checks the words a person reads.
func expect(
    _ error: MarketplaceError, _ code: MarketplaceError.Code, _ message: String, hint: String, transient: Bool = false,
    status: Int? = nil, partialText: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(error.code == code, sourceLocation: sourceLocation)
    #expect(error.message == message, sourceLocation: sourceLocation)
    #expect(error.hint == hint, sourceLocation: sourceLocation)
    #expect(error.isTransient == transient, sourceLocation: sourceLocation)
    #expect(error.httpStatus == status, sourceLocation: sourceLocation)
    #expect(error.partialText == partialText, sourceLocation: sourceLocation)
}
