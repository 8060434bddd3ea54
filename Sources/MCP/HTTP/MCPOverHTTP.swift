public import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
public import RunnelKit

/// An HTTP client for MCP servers. Responses are streams without an idle timeout, because a tool may take long.
public struct MCPOverHTTP: MCPHTTPClient, ServiceKey {
    public typealias Service = HTTPClient

    /// For errors.
    public static let name = "the client for MCP servers"

    let client: HTTPClient

    /// The client that ``register(in:)`` has registered.
    public static let client: MCPHTTPAccess = { MCPOverHTTP(client: try await $0.get(MCPOverHTTP.self)) }

    /// Says how the client is made and shut down.
    public static func register(in services: Services) async {
        await services.register(MCPOverHTTP.self, shutDown: { try? await $0.shutdown() }) { _ in
            var configuration = HTTPClient.Configuration(
                redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)), decompression: .disabled)
            configuration.connectionPool.retryConnectionEstablishment = false
            return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        }
    }

    /// Sends the request over the network.
    public func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse {
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
        let body = ResponseBodyReader(response.body)
        return MCPHTTPResponse(status: Int(response.status.code), headers: headers) { try await body.next() }
    }
}

/// The body of a response for a single reader.
private actor ResponseBodyReader {
    private var iterator: HTTPClientResponse.Body.AsyncIterator?

    init(_ body: HTTPClientResponse.Body) {
        iterator = body.makeAsyncIterator()
    }

    func next() async throws -> [UInt8]? {
        // Taken during the await, so that a concurrent reader gets the end instead of a part of the body.
        guard var current = iterator.take() else { return nil }
        let chunk = try await current.next(isolation: self)
        guard let chunk else { return nil }
        iterator = current
        return Array(chunk.readableBytesView)
    }
}
