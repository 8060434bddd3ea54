import AsyncHTTPClient
import Testing

@testable import Marketplace

@Suite("The configuration")
struct ConfigurationTests {
    private let credentials = MarketplaceConfiguration.Authentication.clientCredentials(
        clientID: "a", clientSecret: "b")

    @Test(
        "paths below the base URL",
        arguments: [
            ("https://h.example.com/", true, "https://h.example.com/api/v1/chat/completions"),
            ("https://h.example.com/market", true, "https://h.example.com/market/api/v1/chat/completions"),
            ("http://localhost:8080", false, "http://localhost:8080/v1/chat/completions"),
            ("http://[::1]:11434/v1/", false, "http://[::1]:11434/v1/chat/completions"),
        ])
    func paths(_ base: String, _ marketplace: Bool, _ chat: String) throws {
        let configuration = try MarketplaceConfiguration(
            baseURL: base, authentication: marketplace ? credentials : .bearer("k"))
        #expect(configuration.chatURL == chat)
    }

    @Test(
        "a base URL that cannot be used is quoted with the reason",
        arguments: [
            ("", "it is empty"), ("https://<your-domain>", "its placeholder was not replaced"),
            ("h.example.com", "it does not begin with https:// or http://"),
            ("https://", "it does not begin with https:// or http://"),
            ("https:///x", "it has no host"),
            ("https://h ost", "it holds a space or a character that a URL must encode"),
            ("https://h:0", "its port is not a number from 1 to 65535"),
            ("https://h:x", "its port is not a number from 1 to 65535"),
            ("https://h!", "its host holds a character that hosts cannot have"),
        ])
    func badURL(_ url: String, _ why: String) throws {
        let error = try #require(throws: MarketplaceError.self) {
            try MarketplaceConfiguration(baseURL: url, authentication: .none)
        }
        expect(
            error, .invalidConfiguration, "the base URL \"\(url)\" cannot be used: \(why)",
            hint: "give scheme and host, for example \"https://market.example.com\"")
    }

    @Test("a password or a query in the base URL is not quoted")
    func secretsInURL() throws {
        for url in ["https://user:hunter2@h", "https://h/?key=hunter2", "https://us er:hunter2@h"] {
            let error = try #require(throws: MarketplaceError.self) {
                try MarketplaceConfiguration(baseURL: url, authentication: .none)
            }
            #expect(
                error.message == "the base URL cannot be used: it holds a user name, a password, a query or a fragment"
            )
        }
    }

    @Test("the API's path in the base URL is not added twice")
    func repeatedPath() throws {
        let error = try #require(throws: MarketplaceError.self) {
            try MarketplaceConfiguration(baseURL: "https://h.example.com/api/v1", authentication: credentials)
        }
        #expect(error.hint == #"leave the path away: "https://h.example.com""#)
    }

    @Test("other settings that cannot work")
    func others() throws {
        func message(_ make: () throws -> MarketplaceConfiguration) throws -> String {
            try #require(throws: MarketplaceError.self) { _ = try make() }.message
        }
        let url = "https://h"
        #expect(
            try message { try .init(baseURL: url, authentication: .clientCredentials(clientID: "", clientSecret: "x")) }
                == "the client id is empty")
        #expect(
            try message { try .init(baseURL: url, authentication: .bearer("hunter2\n")) }
                == "the bearer token holds a space, a line break or another character that a header cannot carry")
        #expect(
            try message { try .init(baseURL: url, authentication: .none, timeouts: .init(idle: .zero)) }
                == "the idle time-out is 0s")
        #expect(
            try message { try .init(baseURL: url, authentication: .none, limits: .init(concurrentStreams: 0)) }
                == "the number of concurrent streams is 0")
        #expect(
            try message { try .init(baseURL: url, authentication: .none, chatPath: "chat") }
                == #"the chat path "chat" cannot be used"#)
    }

    @Test("the HTTP client speaks HTTP/1.1 alone")
    func version() throws {
        let configuration = try MarketplaceConfiguration(baseURL: "https://h", authentication: .none)
        #expect(configuration.httpClientConfiguration.httpVersion == .http1Only)
    }

    @Test("no description, mirror or dump of configuration or client shows a secret")
    func descriptions() async throws {
        for authentication in [
            MarketplaceConfiguration.Authentication.clientCredentials(clientID: "id", clientSecret: "hunter2"),
            .bearer("hunter2"),
        ] {
            let configuration = try MarketplaceConfiguration(baseURL: "https://h", authentication: authentication)
            let http = HTTPClient(eventLoopGroupProvider: .singleton)
            let client = MarketplaceClient(configuration: configuration, httpClient: http)
            var dumped = ""
            dump(configuration, to: &dumped)
            dump(client, to: &dumped)
            dump(client.chat(ChatRequest(messages: [])), to: &dumped)
            dumped += "\(configuration) \(client) \(authentication) \(String(reflecting: configuration))"
            #expect(!dumped.contains("hunter2"))
            try await http.shutdown()
        }
    }

    @Test("no description, mirror or dump of an access token shows it")
    func tokenDescriptions() {
        let token = AccessToken(value: "hunter2", generation: 2)
        let grant = TokenGrant(token: "hunter2", lifetime: .seconds(60))
        var dumped = "\(token) \([grant]) \(String(reflecting: grant))"
        dump(token, to: &dumped)
        dump(grant, to: &dumped)
        #expect(dumped.contains("AccessToken(generation: 2)"))
        #expect(!dumped.contains("hunter2"))
    }
}
