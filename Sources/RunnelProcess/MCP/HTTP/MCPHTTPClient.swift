/// What Runnel needs of an HTTP client to talk to MCP servers: nothing but the exchange itself.
public protocol MCPHTTPClient: Sendable {
    /// Sends a request and returns once the head of the response is there. Does not follow redirects.
    ///
    /// A cancelled task closes the connection, also while the body is read.
    func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse
}

/// A request to an MCP server.
public struct MCPHTTPRequest: Sendable, Hashable {
    /// `POST` or `DELETE`.
    public var method: String
    public var url: String
    /// Names in lower case.
    public var headers: [String: String]
    public var body: [UInt8]
}

/// The response of an MCP server.
public struct MCPHTTPResponse: Sendable {
    /// The status code.
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    /// Gives the next bytes of the body; nil at its end.
    public var next: @Sendable () async throws -> [UInt8]?

    /// A response with its head, and a way to its body.
    public init(status: Int, headers: [String: String], next: @escaping @Sendable () async throws -> [UInt8]?) {
        self.status = status
        self.headers = headers
        self.next = next
    }
}
