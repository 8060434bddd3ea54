internal import RunnelKit

/// Why a connection to an MCP server has ended.
struct MCPEnd: Sendable, Hashable {
    /// What follows "the plugin …".
    var words: String
    /// What the server said last, as the end of a sentence.
    var trace = ""
}

/// Why a request to an MCP server has no result.
enum MCPFault: Error, Sendable {
    /// The server answered with an error of JSON-RPC.
    case answer(code: Int64, message: String, data: Value?)
    /// The connection has ended.
    case closed(MCPEnd)
    /// The message was not taken, and the connection is as it was. The words follow "the plugin …".
    case refused(String, isTransient: Bool)
    /// The server has forgotten the session; a new one may be begun.
    case sessionExpired

    /// What a server answers that does not know the version of a request.
    static let unsupportedVersion: Int64 = -32022

    /// As the failure of a step. `during` follows "while".
    func stepError(plugin: String, during: String) -> StepError {
        switch self {
        case .answer(let code, let message, _):
            StepError(
                "mcp-error", "the plugin \"\(plugin)\" answered with the error \(code) while \(during): \(message)",
                isTransient: code == -32603)
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
