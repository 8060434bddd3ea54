internal import AsyncHTTPClient
internal import Marketplace
internal import NIOPosix

/// Reads the stream through the public client, event by event, and prints events a second.
enum BenchmarkClient {
    struct Mismatch: Error {
        var expected: Int
        var received: Int
    }

    static func run(url: String, events: Int) async throws {
        let configuration = try MarketplaceConfiguration(baseURL: url, authentication: .none)
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
        do {
            let client = MarketplaceClient(configuration: configuration, httpClient: http)
            _ = try await measure(client, events: events)
            print(Int(try await measure(client, events: events)))
        } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    private static func measure(_ client: MarketplaceClient, events: Int) async throws -> Double {
        let start = ContinuousClock.now
        var received = 0
        var bytes = 0
        for try await event in client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: "go")])) {
            if case .text(let text) = event {
                received += 1
                bytes += text.utf8.count
            }
        }
        guard received == events, bytes > 0 else { throw Mismatch(expected: events, received: received) }
        let duration = start.duration(to: .now)
        return Double(events) / (Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18)
    }
}
