internal import MCPProtocol
internal import RunnelKit

/// How messages get to an MCP server and back.
protocol MCPTransport: Sendable {
    /// Makes the connection. `receive` hears all that comes from the server, and gives what is to be sent in reply.
    func open(_ receive: @escaping @Sendable (MCPIncoming) -> [Value]) async throws

    /// Sends a message. Where the answer to a request comes as the response to its sending, this waits for it.
    /// - Throws: ``MCPFault``, or `CancellationError`.
    func send(_ message: Value) async throws

    /// The revision that the server and Runnel have agreed on.
    func agreed(on version: MCPRevision)

    /// Ends the connection, and waits until that is done.
    func close(_ plan: StopPlan) async
}

/// What comes from a server.
enum MCPIncoming: Sendable {
    case message(Value)
    /// A line that is no message, as the end of a sentence.
    case unreadable(String)
    /// Nothing more will come.
    case closed(MCPEnd)
}
