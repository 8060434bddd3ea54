internal import RunnelKit

/// The reason for the end of a connection to an MCP server.
struct MCPEnd: Sendable, Hashable {
    /// A predicate for "the plugin …".
    var words: String
    /// The server's last output, to append to a message.
    var trace = ""
}

/// The reason why a request to an MCP server failed.
enum MCPFault: Error, Sendable {
    /// The server answered with a JSON-RPC error.
    case answer(code: Int64, message: String, data: Value?)
    /// The connection has ended.
    case closed(MCPEnd)
    /// The message was rejected, and the connection is still usable. The text is a predicate for "the plugin …".
    case refused(String, isTransient: Bool)
    /// The session has expired; a new one may be started.
    case sessionExpired

    /// The error code for an unsupported protocol version.
    static let unsupportedVersion = RPCError.unsupportedRevision

    /// The error of a step. `during` follows "while".
    func stepError(plugin: String, during: String) -> StepError {
        switch self {
        case .answer(let code, let message, _):
            StepError(
                "mcp-error", "the plugin \"\(plugin)\" answered with the error \(code) while \(during): \(message)",
                isTransient: code == RPCError.internalError)
        case .closed(let end):
            StepError(
                "plugin-crashed", "the plugin \"\(plugin)\" \(end.words) while \(during)\(end.trace)",
                isTransient: true)
        case .refused(let words, let isTransient):
            StepError("mcp-refused", "the plugin \"\(plugin)\" \(words) while \(during)", isTransient: isTransient)
        case .sessionExpired:
            StepError(
                "mcp-session", "the plugin \"\(plugin)\" ended the session while \(during)", isTransient: true)
        }
    }
}
