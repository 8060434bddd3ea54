internal import RunnelKit
internal import RunnelProcess

/// The transport to an MCP server.
protocol MCPTransport: Sendable {
    /// Opens the connection. `receive` is called with everything from the server, and returns the replies to send.
    func open(_ receive: @escaping @Sendable (MCPIncoming) -> [Value]) async throws

    /// Sends a message. If the answer arrives as the response to sending, this waits for it.
    /// - Throws: ``MCPFault``, or `CancellationError`.
    func send(_ message: Value) async throws

    /// Sets the negotiated protocol revision.
    func agreed(on version: MCPRevision)

    /// Closes the connection, and waits until it is closed.
    func close(_ plan: StopPlan) async
}

/// Incoming data from a server.
enum MCPIncoming: Sendable {
    case message(Value)
    /// An invalid line, described as a predicate.
    case unreadable(String)
    /// The connection has ended.
    case closed(MCPEnd)
}
