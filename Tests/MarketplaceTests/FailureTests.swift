import AsyncHTTPClient
import HTTPTestServer
import NIOHTTP1
import Testing

@testable import Marketplace

@Suite("What a user reads when a call fails")
struct FailureTests {
    private let noRetry = RetryPolicy(attempts: 1)

    /// The failure of a chat whose answer is scripted.
    private func failure(
        authentication: MarketplaceConfiguration.Authentication = .bearer("sk-secret"),
        _ script: @escaping @Sendable (ServerExchange) -> Void
    ) async throws -> (events: [ChatEvent], error: MarketplaceError, url: String) {
        var result: (events: [ChatEvent], error: MarketplaceError, url: String)?
        try await withBench(
            authentication: authentication, retry: noRetry,
            answer: { exchange in
                if issuingTokens(exchange) { return true }
                script(exchange)
                return true
            }
        ) { bench in
            let failure = try await bench.ask().failure()
            result = (failure.events, failure.error, bench.client.configuration.chatURL)
        }
        return try #require(result)
    }

    @Test("400 with the server's message")
    func badRequest() async throws {
        let (_, error, _) = try await failure {
            $0.reply(400, #"{"error":{"message":"messages is required","code":"invalid"}}"#)
        }
        expect(
            error, .badRequest, #"the server does not accept the request: 400 Bad Request, "messages is required""#,
            hint: "check the messages, the model and the agent id; if the server does not take `stream_options`, set "
                + "`marketplace.usage: never`", status: 400)
    }

    @Test(
        "the message of a vendor's own shape",
        arguments: [
            (#"{"__type":"AccessDeniedException","Message":"no access"}"#, "no access"),
            (#"[{"error":{"code":403,"message":"no quota"}}]"#, "no quota"),
            (#"[{"error":{"code":403}}]"#, "403"),
        ])
    func vendorShapes(body: String, said: String) async throws {
        let (_, error, _) = try await failure { $0.reply(403, body) }
        #expect(error.message == #"the server does not allow this call: 403 Forbidden, "\#(said)""#)
    }

    @Test("401 with a bearer token, and without any")
    func unauthorized() async throws {
        let (_, error, _) = try await failure { $0.reply(401, #"{"message":"invalid api key"}"#) }
        expect(
            error, .unauthorized, #"the server refused the access token: 401 Unauthorized, "invalid api key""#,
            hint: "check the bearer token: it may be wrong, expired or meant for another server", status: 401)
        let (_, bare, _) = try await failure(authentication: .none) { $0.reply(401, "") }
        expect(
            bare, .unauthorized, "the server refused the access token: 401 Unauthorized",
            hint: "the server wants authentication: configure a bearer token or client credentials", status: 401)
    }

    @Test("401 twice with client credentials")
    func unauthorizedTwice() async throws {
        let (_, error, _) = try await failure(
            authentication: .clientCredentials(clientID: clientID, clientSecret: clientSecret)
        ) { $0.reply(401, #"{"success":false,"error":"token revoked"}"#) }
        expect(
            error, .unauthorized, #"the server refused the access token: 401 Unauthorized, "token revoked""#,
            hint:
                "a newly fetched token was refused as well: check that the client id belongs to this deployment and was "
                + "not revoked", status: 401)
    }

    @Test("403, with what to ask the administrator for")
    func forbidden() async throws {
        let (_, error, _) = try await failure { $0.reply(403, #"{"detail":"scope missing"}"#) }
        expect(
            error, .forbidden, #"the server does not allow this call: 403 Forbidden, "scope missing""#,
            hint: #"ask the administrator to allow these credentials to use the agent "agent-ai-bot""#, status: 403)
    }

    @Test("404 names the address and the agent")
    func notFound() async throws {
        let (_, error, url) = try await failure { $0.reply(404, #"{"error":"agent not found"}"#) }
        expect(
            error, .notFound, #"nothing is at \#(url): 404 Not Found, "agent not found""#,
            hint: #"check the base URL and the agent id "agent-ai-bot""#, status: 404)
    }

    @Test("429 when no further attempt is left")
    func rateLimited() async throws {
        let (_, error, _) = try await failure { $0.reply(429, #"{"error":{"message":"slow down"}}"#) }
        expect(
            error, .rateLimited, #"the server is limiting requests: 429 Too Many Requests, "slow down""#,
            hint: "try again later, or lower the limit of requests a minute", transient: true, status: 429)
    }

    @Test("a page of a failing proxy is shortened to its title")
    func serverError() async throws {
        let page = "<html>\n<head><TITLE>502 Bad\n Gateway</title><style>x</style></head><body>nginx</body></html>"
        let (_, error, _) = try await failure { $0.reply(502, page, type: "text/html") }
        expect(
            error, .serverError, #"the server failed: 502 Bad Gateway, "502 Bad Gateway""#,
            hint: "try again later; if it stays so, tell the operator", transient: true, status: 502)
    }

    @Test("a redirect is not followed")
    func redirect() async throws {
        let (_, error, url) = try await failure {
            $0.reply(308, "moved", type: "text/plain", headers: ["Location": "https://elsewhere.example.com/"])
        }
        expect(
            error, .unexpectedStatus, #"\#(url) answered 308 Permanent Redirect, "moved""#,
            hint: "the address has moved: set the base URL to the new one", status: 308)
    }

    @Test("the status of a failure decides, even if its body cannot be decompressed", arguments: ["gzip", "unknown"])
    func undecodableWords(coding: String) async throws {
        let (_, error, _) = try await failure {
            $0.reply(503, "busy", headers: ["Content-Encoding": coding, "Retry-After": "7"])
        }
        expect(
            error, .serverError, "the server failed: 503 Service Unavailable",
            hint: "try again later; if it stays so, tell the operator", transient: true, status: 503)
        #expect(error.retryAfter == .seconds(7))
        // Here it is the answer itself that cannot be read.
        let (_, success, url) = try await failure { $0.reply(200, "{}", headers: ["Content-Encoding": coding]) }
        #expect(success.code == .unreadableBody)
        #expect(success.message.hasPrefix("\(url) answered 200 with "))
    }

    @Test("the status of a refused token request decides, even if its body is cut off or cannot be decompressed")
    func tokenWords() async throws {
        for isCut in [true, false] {
            try await withBench(
                retry: noRetry,
                answer: { exchange in
                    guard exchange.head.uri == tokenPath else { return false }
                    guard isCut else {
                        exchange.reply(503, "busy", headers: ["Content-Encoding": "gzip"])
                        return true
                    }
                    exchange.begin(503, ["Content-Length": "100"])
                    exchange.send("busy")
                    exchange.breakConnection()
                    return true
                }
            ) { bench in
                let (_, error) = try await bench.ask().failure()
                expect(
                    error, .serverError, "the server failed to give a token: 503 Service Unavailable",
                    hint: "try again later; if it stays so, tell the operator", transient: true, status: 503)
            }
        }
    }

    @Test("a 3xx that names no other address does not say that the address has moved")
    func notModified() async throws {
        let (_, error, url) = try await failure {
            $0.begin(304, [:])
            $0.end()
        }
        expect(
            error, .unexpectedStatus, "\(url) answered 304 Not Modified",
            hint: "check that the base URL is the API's address", status: 304)
    }

    @Test("a long message of a server is cut")
    func longMessage() async throws {
        let (_, error, _) = try await failure {
            $0.reply(400, String(repeating: "x", count: 200_000), type: "text/plain")
        }
        #expect(
            error.message
                == "the server does not accept the request: 400 Bad Request, \"\(String(repeating: "x", count: 300))…\""
        )
    }

    @Test("an error object in the middle of a stream, with the text so far")
    func errorInStream() async throws {
        let (events, error, _) = try await failure {
            $0.beginStream()
            $0.text("So ")
            $0.event(#"{"error":{"message":"model overloaded","code":503}}"#)
        }
        #expect(events == [.text("So ")])
        expect(
            error, .errorInStream, #"the server reported an error in its answer: "model overloaded" (503)"#,
            hint: "try again later", transient: true, partialText: "So ")
    }

    @Test("an event named error, whatever its data")
    func errorEvent() async throws {
        let (_, error, _) = try await failure {
            $0.beginStream()
            $0.send("event: error\ndata: it broke\n\n")
        }
        expect(
            error, .errorInStream, #"the server reported an error in its answer: "it broke""#,
            hint: "check the request and the agent; the server's operator can see more in its log")
    }

    @Test("200 with a web page")
    func webPage() async throws {
        let (_, error, url) = try await failure {
            $0.reply(200, "<!doctype html><title>Sign in</title>", type: "text/html; charset=utf-8")
        }
        expect(
            error, .notAnEventStream,
            #"\#(url) answered 200 with "text/html; charset=utf-8" instead of an event stream: "Sign in""#,
            hint: "check the base URL: this looks like a web page, not the API", status: 200)
    }

    @Test("200 with JSON that reports an error")
    func jsonError() async throws {
        let (_, error, _) = try await failure { $0.reply(200, #"{"success":false,"error":{"message":"no agent"}}"#) }
        expect(
            error, .errorInStream, #"the server reported an error in its answer: "no agent""#,
            hint: "check the request and the agent; the server's operator can see more in its log")
    }

    @Test("200 with JSON")
    func json() async throws {
        let (_, error, url) = try await failure { $0.reply(200, #"{"title":"no agent"}"#) }
        expect(
            error, .notAnEventStream,
            #"\#(url) answered 200 with "application/json" instead of an event stream: "no agent""#,
            hint: "check the base URL: this looks like another end point, or a server that does not stream",
            status: 200)
    }

    @Test("data that is not JSON, with the text so far")
    func malformed() async throws {
        let (events, error, _) = try await failure {
            $0.beginStream()
            $0.text("a")
            $0.event("<html>")
        }
        #expect(events == [.text("a")])
        expect(
            error, .malformedEvent,
            #"the server sent an event that cannot be read: it is not JSON (line 1, column 1: expected a JSON value, found '<'): "<html>""#,
            hint: "check that the base URL is the API's address and that no proxy changes the stream", partialText: "a"
        )
    }

    @Test("a line longer than 16 MiB")
    func lineTooLong() async throws {
        let (_, error, _) = try await failure {
            $0.beginStream()
            $0.send("data: " + String(repeating: "x", count: 16 << 20))
        }
        expect(
            error, .lineTooLong, "the server sent a line longer than 16MiB",
            hint:
                "raise the limit, in runnel.yaml `marketplace.limits.max_event`, if the server has so much to say at once"
        )
    }

    @Test("a stream that ends too early keeps the text so far")
    func cutOff() async throws {
        let (events, error, _) = try await failure {
            $0.beginStream()
            $0.text("half an ")
            $0.text("answ")
            $0.end()
        }
        #expect(events == [.text("half an "), .text("answ")])
        expect(
            error, .streamCutOff, "the stream ended before [DONE] or a finish reason",
            hint: "try again (the text so far is kept); a proxy that limits the time of a response is a usual cause",
            transient: true, partialText: "half an answ")
    }

    @Test("a connection that breaks in the middle of a stream keeps the text so far")
    func broken() async throws {
        let (events, error, _) = try await failure {
            $0.beginStream()
            $0.text("half")
            $0.breakConnection()
        }
        #expect(events == [.text("half")])
        expect(
            error, .streamCutOff, "the stream ended before [DONE]: the connection was closed",
            hint: "try again (the text so far is kept); a proxy that limits the time of a response is a usual cause",
            transient: true, partialText: "half")
    }

    @Test("a finish reason does not make up for a missing [DONE]")
    func finishedWithoutDone() async throws {
        let (events, error, _) = try await failure(
            authentication: .clientCredentials(clientID: clientID, clientSecret: clientSecret)
        ) {
            $0.beginStream()
            $0.event(#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#)
            $0.end()
        }
        #expect(events == [.text("x"), .finish(reason: "stop")])
        #expect(error.code == .streamCutOff)
    }

    @Test("a server that closes the connection without an answer")
    func noAnswer() async throws {
        let (_, error, url) = try await failure { $0.breakConnection() }
        expect(
            error, .connectionFailed, "no connection to \(url): the server closed the connection without an answer",
            hint: "check that the server runs and that the base URL is right", transient: true)
    }

    @Test("nobody listens at the address")
    func refused() async throws {
        let url = "http://127.0.0.1:\(try #require(refusingPort()))"
        try await withClient(url: url) { client in
            let (_, error) = try await client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: "x")]))
                .failure()
            expect(
                error, .connectionFailed, "no connection to \(url)/v1/chat/completions: the connection was refused",
                hint: "check that the server runs and that the base URL is right", transient: true)
        }
    }

    @Test("an answer with a header that is too large")
    func largeHeader() async throws {
        let (_, error, url) = try await failure {
            $0.reply(200, "{}", headers: ["X": String(repeating: "y", count: 200_000)])
        }
        expect(
            error, .connectionFailed,
            "no connection to \(url): the header of its answer has too many fields, or too long ones",
            hint: "check that the server runs and that the base URL is right")
    }

    @Test(
        "a server that does not speak HTTP is asked once, and does not end the process",
        arguments: [
            "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 099 None\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n2\r\nhi\r\n0\r\n\r\n",
        ])
    func notHTTP(answer: String) async throws {
        try await TestServer.run { _ in
            .raw(answer)
        } body: { server async throws in
            try await withClient(url: server.url, retry: RetryPolicy()) { client in
                let (_, error) = try await client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: "x")]))
                    .failure()
                expect(
                    error, .connectionFailed,
                    "no connection to \(server.url)/v1/chat/completions: the server does not speak HTTP",
                    hint: "check that the server runs and that the base URL is right")
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test("https at a port that speaks http")
    func tls() async throws {
        let server = try await ScriptedServer()
        try await withClient(url: server.url.replacing("http://", with: "https://")) { client in
            let (_, error) = try await client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: "x")]))
                .failure()
            expect(
                error, .tlsFailed,
                "no secure connection to \(client.configuration.chatURL): the server does not answer with TLS",
                hint: "check the server's certificate and that the base URL's scheme and port belong together")
        }
        try await server.stop()
    }

    /// The error for a connection that fails before a response begins.
    private func error(_ cause: any Error) -> MarketplaceError {
        TransportFailure.error(
            cause, url: "https://a.example", timeouts: .init(), answered: false, redactor: ResponseRedactor(secrets: [])
        )
    }

    @Test("a response that ends inside its header is reported as a connection that was closed too early")
    func cutAnswer() {
        expect(
            error(HTTPParserError.invalidEOFState), .connectionFailed,
            "no connection to https://a.example: the connection was closed before the answer was whole",
            hint: "check that the server runs and that the base URL is right", transient: true)
    }

    @Test("a TLS handshake or a proxy that takes too long is a transient error")
    func slowHandshake() {
        expect(
            error(HTTPClientError.tlsHandshakeTimeout), .connectTimeout,
            "no connection to https://a.example within 10s",
            hint: "check the base URL, the network and the firewall, or raise the connect time-out", transient: true)
        expect(
            error(HTTPClientError.httpProxyHandshakeTimeout), .connectTimeout,
            "no connection to https://a.example: the proxy did not answer in time",
            hint: "check that the proxy runs and that its address is right", transient: true)
    }

    @Test("a host without an address")
    func unknownHost() async throws {
        // Longer than a name may be, so that nobody is asked for it.
        let host = String(repeating: "a", count: 64) + ".invalid"
        try await withClient(url: "http://\(host)") { client in
            let (_, error) = try await client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: "x")]))
                .failure()
            expect(
                error, .connectionFailed,
                #"no connection to http://\#(host)/v1/chat/completions: the host "\#(host)" has no address"#,
                hint: "check that the server runs and that the base URL is right", transient: true)
        }
    }

    private func withClient(
        url: String, retry: RetryPolicy = RetryPolicy(attempts: 1), _ body: (MarketplaceClient) async throws -> Void
    ) async throws {
        let configuration = try MarketplaceConfiguration(baseURL: url, authentication: .none, retry: retry)
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
        let client = MarketplaceClient(configuration: configuration, httpClient: http)
        do { try await body(client) } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }
}
