public import RunnelKit

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
