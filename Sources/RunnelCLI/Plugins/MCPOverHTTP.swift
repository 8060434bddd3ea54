import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import RunnelKit
import RunnelProcess

/// Reaches MCP servers on HTTP. Their answers are streams, which may be silent for as long as a tool works.
struct MCPOverHTTP: MCPHTTPClient, ServiceKey {
    typealias Service = HTTPClient

    static let name = "the client for MCP servers"

    let client: HTTPClient

    static func register(in services: Services) async {
        await services.register(MCPOverHTTP.self, shutDown: { try? await $0.shutdown() }) { _ in
            var configuration = HTTPClient.Configuration(
                redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)), decompression: .disabled)
            configuration.connectionPool.retryConnectionEstablishment = false
            return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        }
    }

    func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse {
        var call = HTTPClientRequest(url: request.url)
        call.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { call.headers.add(name: name, value: value) }
        if !request.body.isEmpty { call.body = .bytes(ByteBuffer(bytes: request.body)) }
        let response = try await client.execute(call, deadline: .distantFuture)
        var headers: [String: String] = [:]
        for (name, value) in response.headers {
            let key = name.lowercased()
            headers[key] = headers[key].map { $0 + ", " + value } ?? value
        }
        let body = BodyReader(response.body)
        return MCPHTTPResponse(status: Int(response.status.code), headers: headers) { try await body.next() }
    }
}

/// The body of a response, for one reader.
private actor BodyReader {
    private var iterator: HTTPClientResponse.Body.AsyncIterator?

    init(_ body: HTTPClientResponse.Body) {
        iterator = body.makeAsyncIterator()
    }

    func next() async throws -> [UInt8]? {
        // Taken out while it is waited for: a second reader finds the end instead of a torn body.
        guard var current = iterator.take() else { return nil }
        let chunk = try await current.next(isolation: self)
        guard let chunk else { return nil }
        iterator = current
        return Array(chunk.readableBytesView)
    }
}
