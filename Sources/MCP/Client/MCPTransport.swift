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

/// The endpoint of an MCP server; creates clients for it.
struct MCPEndpoint: Sendable {
    let program: PluginProgram
    /// Gives the client for servers on HTTP.
    let http: MCPHTTPAccess

    var name: String { program.name }
    var manifest: PluginManifest { program.manifest }

    /// Creates an unconnected client.
    func client(_ context: StepContext) async throws -> MCPClient {
        let log = PluginLog(plugin: name, logger: context.logger, redactor: context.redactor, isShared: true)
        let transport: any MCPTransport
        switch manifest.transport {
        case .stdio: transport = StdioTransport(program: program, log: log)
        case .http: transport = try await httpTransport(context.services)
        }
        return MCPClient(plugin: name, transport: transport, log: log, clock: context.clock)
    }

    private func httpTransport(_ services: Services) async throws -> StreamableHTTPTransport {
        guard let url = manifest.url else {
            throw StepError(
                PluginErrorCode.pluginStartFailed, "the plugin \"\(name)\" cannot be reached: it has no url")
        }
        var headers: [String: String] = [:]
        for (key, text) in manifest.headers {
            do {
                headers[key.lowercased()] = try text.resolve(in: program.host)
            } catch {
                let wrong = StepError(badConfiguration: error.under(.key(key)).under(.key("headers")))
                throw StepError(
                    PluginErrorCode.pluginEnvironment, "the plugin \"\(name)\" cannot be reached: \(wrong.message)",
                    hint: wrong.hint)
            }
        }
        return StreamableHTTPTransport(
            url: url, headers: headers, client: try await http(services), eventLimit: manifest.maxLine.bytes)
    }
}

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
                PluginErrorCode.mcpError,
                "the plugin \"\(plugin)\" answered with the error \(code) while \(during): \(message)",
                isTransient: code == RPCError.internalError)
        case .closed(let end):
            StepError(
                PluginErrorCode.pluginCrashed, "the plugin \"\(plugin)\" \(end.words) while \(during)\(end.trace)",
                isTransient: true)
        case .refused(let words, let isTransient):
            StepError(
                PluginErrorCode.mcpRefused, "the plugin \"\(plugin)\" \(words) while \(during)",
                isTransient: isTransient)
        case .sessionExpired:
            StepError(
                PluginErrorCode.mcpSession, "the plugin \"\(plugin)\" ended the session while \(during)",
                isTransient: true)
        }
    }
}
