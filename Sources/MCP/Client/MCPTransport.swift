internal import RunnelHTTP
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
    /// An answer that cannot be decoded: the request's id, and the reason as a predicate for "the plugin …".
    case unreadableAnswer(Int64, String)
    /// An invalid line, described as a predicate.
    case unreadable(String)
    /// The connection has ended.
    case closed(MCPEnd)

    /// Decodes a line (stdio), or the data of a server-sent event (HTTP).
    init(_ text: [UInt8], redactor: Redactor) {
        do {
            self = .message(try Value.json(text))
        } catch {
            if let id = Self.answered(by: text) {
                self = .unreadableAnswer(
                    id, "gave an answer that cannot be read (column \(error.column): \(error.message))")
            } else {
                self = .unreadable("is not JSON: \(redactor.quoted(text))")
            }
        }
    }

    /// The request's id in an answer that cannot be decoded, for example because it is nested too deep or contains `NaN`.
    /// nil for a request, a notification, or a text without an integer id.
    static func answered(by text: [UInt8]) -> Int64? {
        var (depth, index) = (0, 0)
        var id: Int64?
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                let start = index + 1
                index = start
                while index < text.count, text[index] != UInt8(ascii: "\"") {
                    index += text[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard index < text.count, depth == 1 else { break }
                let rest = text[(index + 1)...].drop { $0 <= 0x20 }
                guard rest.first == UInt8(ascii: ":") else { break }
                let key = text[start..<index]
                if key.elementsEqual("method".utf8) { return nil }
                if key.elementsEqual("id".utf8) {
                    let digits = rest.dropFirst().drop { $0 <= 0x20 }.prefix { (0x30...0x39).contains($0) }
                    id = Int64(String(decoding: digits, as: UTF8.self))
                }
            default: break
            }
            index += 1
        }
        return id
    }
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
        case .stdio: transport = StdioTransport(program: program, log: log, redactor: context.redactor)
        case .http: transport = try await httpTransport(context)
        }
        return MCPClient(plugin: name, transport: transport, log: log, clock: context.clock)
    }

    private func httpTransport(_ context: StepContext) async throws -> StreamableHTTPTransport {
        guard let url = manifest.url else {
            throw StepError(
                PluginErrorCode.pluginStartFailed, "the plugin \"\(name)\" cannot be reached: it has no url")
        }
        var headers: [String: String] = [:]
        for (key, text) in manifest.headers {
            do throws(FieldError) {
                let value = try text.resolve(in: program.host)
                guard (try? HeaderFields.checked(value: value)) != nil else {
                    throw FieldError(
                        "it holds a line break or another control character",
                        hint: "check how the value was copied; a line break at its end is the usual cause")
                }
                headers[key.lowercased()] = value
            } catch {
                let wrong = StepError(badConfiguration: error.under(.key(key)).under(.key("headers")))
                throw StepError(
                    PluginErrorCode.pluginEnvironment, "the plugin \"\(name)\" cannot be reached: \(wrong.message)",
                    hint: wrong.hint)
            }
        }
        return StreamableHTTPTransport(
            url: url, headers: headers, client: try await http(context.services), eventLimit: manifest.maxLine.bytes,
            redactor: context.redactor)
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
    case refused(String, isTransient: Bool, retryAfter: Duration? = nil)
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
        case .refused(let words, let isTransient, let retryAfter):
            StepError(
                PluginErrorCode.mcpRefused, "the plugin \"\(plugin)\" \(words) while \(during)",
                isTransient: isTransient, retryAfter: retryAfter)
        case .sessionExpired:
            StepError(
                PluginErrorCode.mcpSession, "the plugin \"\(plugin)\" ended the session while \(during)",
                isTransient: true)
        }
    }
}
