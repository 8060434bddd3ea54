internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
public import RunnelHTTP
public import RunnelKit
internal import RunnelSupport

/// The HTTP client that MCP connections need.
public protocol MCPHTTPClient: Sendable {
    /// Sends a request and returns when the response head has arrived. Does not follow redirects.
    ///
    /// Cancelling the task closes the connection, also while the body is being read.
    func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse
}

/// A request to an MCP server.
public struct MCPHTTPRequest: Sendable, Hashable {
    /// `POST` or `DELETE`.
    public var method: String
    /// The URL of the server's endpoint.
    public var url: String
    /// Names in lower case.
    public var headers: [String: String]
    /// JSON; empty for `DELETE`.
    public var body: [UInt8]
}

/// The response of an MCP server.
public struct MCPHTTPResponse: Sendable {
    /// The status code.
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    /// Returns the next bytes of the body; nil at its end.
    public var next: @Sendable () async throws -> [UInt8]?

    /// Creates a response from its head and a body reader.
    public init(status: Int, headers: [String: String], next: @escaping @Sendable () async throws -> [UInt8]?) {
        self.status = status
        self.headers = headers
        self.next = next
    }
}

/// Finds the client for MCP servers on HTTP.
public typealias MCPHTTPAccess = @Sendable (Services) async throws -> any MCPHTTPClient

/// An HTTP client for MCP servers. Responses are streams without an idle timeout, because a tool may take long.
public struct MCPOverHTTP: MCPHTTPClient, ServiceKey {
    /// The HTTP clients that send the requests.
    public typealias Service = HTTPClients

    /// For errors.
    public static let name = "the client for MCP servers"

    let clients: HTTPClients

    /// The client that ``register(in:)`` has registered.
    public static let client: MCPHTTPAccess = { MCPOverHTTP(clients: try await $0.get(MCPOverHTTP.self)) }

    /// Says how the client is made and shut down.
    public static func register(in services: Services) async {
        await services.register(MCPOverHTTP.self, shutDown: { await $0.shutDown() }) { services in
            var configuration = HTTPClient.Configuration(
                redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)), decompression: .disabled)
            configuration.connectionPool.retryConnectionEstablishment = false
            return HTTPClients(network: try Network.registered(in: services), configuration: configuration)
        }
    }

    /// Sends the request over the network.
    public func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse {
        var call = HTTPClientRequest(url: request.url)
        call.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { call.headers.add(name: name, value: value) }
        if !request.body.isEmpty { call.body = .bytes(ByteBuffer(bytes: request.body)) }
        let client = try clients.client(for: request.url)
        let response: HTTPClientResponse
        do {
            response = try await client.execute(clients.withCertificates(call), deadline: .distantFuture)
        } catch {
            throw clients.problem(error, for: request.url)
        }
        var headers: [String: String] = [:]
        for (name, value) in response.headers {
            let key = name.lowercased()
            headers[key] = headers[key].map { $0 + ", " + value } ?? value
        }
        let decoder: ContentDecoder?
        do throws(ContentDecoder.Unsupported) {
            decoder = try ContentDecoder(contentEncoding: response.headers["content-encoding"])
        } catch {
            // The status of a failure decides. Only its words are lost.
            guard response.status.code >= 300 else {
                let coding = Quote.quoted(error.coding, limit: 60)
                throw MCPFault.refused(
                    "answered with the content encoding \(coding), which is not supported", isTransient: false)
            }
            decoder = nil
        }
        let body = ResponseBodyReader(response.body, decoder)
        return MCPHTTPResponse(status: Int(response.status.code), headers: headers) { [clients] in
            do {
                return try await body.next()
            } catch {
                throw clients.problem(error, for: request.url)
            }
        }
    }
}

/// The body of a response for a single reader.
private actor ResponseBodyReader {
    /// What one chunk may decompress to. Chunks are some 64 KiB; only a bomb unpacks to more.
    private static let maximumPiece = 64 << 20

    private var iterator: HTTPClientResponse.Body.AsyncIterator?
    private let decoder: ContentDecoder?

    init(_ body: HTTPClientResponse.Body, _ decoder: sending ContentDecoder?) {
        iterator = body.makeAsyncIterator()
        self.decoder = decoder
    }

    func next() async throws -> [UInt8]? {
        // Taken during the await, so that a concurrent reader gets the end instead of a part of the body.
        guard var current = iterator.take() else { return nil }
        let chunk = try await current.next(isolation: self)
        guard let chunk else {
            try decoder?.finish()
            return nil
        }
        iterator = current
        guard let decoder else { return Array(chunk.readableBytesView) }
        var bytes: [UInt8] = []
        try chunk.withUnsafeReadableBytes { piece in
            try decoder.decode(piece) {
                guard bytes.count + $0.count <= Self.maximumPiece else {
                    throw TransportProblem.tooLarge(limit: Self.maximumPiece)
                }
                bytes += $0
                return true
            }
        }
        // Empty: the compressed bytes so far are no whole piece.
        return bytes
    }
}
