internal import MCPProtocol
internal import RunnelKit

/// The rules of streamable HTTP: which headers a message carries, and what a status means. Pure.
///
/// - SeeAlso: Model Context Protocol, "Transports", "Streamable HTTP".
struct MCPHTTPSession: Sendable, Hashable {
    /// What the server has called the session, where it has one.
    private(set) var id: String?
    /// The agreed revision; nil before the handshake.
    var version: MCPRevision?

    /// The headers of the POST that carries `message`.
    func headers(for message: Value) -> [String: String] {
        let method = message["method"]?.asString
        var headers = ["content-type": "application/json", "accept": "application/json, text/event-stream"]
        // The handshake begins anew, whatever was agreed before.
        guard method != "initialize" else { return headers }
        if let id { headers["mcp-session-id"] = id }
        guard let version else { return headers }
        // The header came with the revision 2025-06-18.
        if version != .november2024, version != .march2025 { headers["mcp-protocol-version"] = version.rawValue }
        if version.isStateless, let method {
            headers["mcp-method"] = method
            if method == "tools/call", let name = message["params"]?["name"]?.asString {
                headers["mcp-name"] = Self.headerText(name)
            }
        }
        return headers
    }

    /// The headers of the DELETE that ends the session; nil where there is none to be ended.
    func headersForEnd() -> [String: String]? {
        guard let id, let version, !version.isStateless else { return nil }
        var headers = ["mcp-session-id": id]
        if version != .march2025 { headers["mcp-protocol-version"] = version.rawValue }
        return headers
    }

    /// Whether the message goes to the server at all. Without sessions, closing a response is what cancels a request.
    func sends(_ message: Value) -> Bool {
        !(version?.isStateless == true && message["method"]?.asString == "notifications/cancelled")
    }

    /// Takes note of a response to `message`.
    mutating func received(headers: [String: String], to message: Value) {
        if message["method"]?.asString == "initialize" { id = headers["mcp-session-id"] }
    }

    /// What a status says where it is not success and the body holds no message; nil for success.
    func fault(status: Int) -> MCPFault? {
        switch status {
        case 200..<300: nil
        case 404 where id != nil: .sessionExpired
        case 401, 403: .refused("answered with HTTP status \(status): it wants other credentials", isTransient: false)
        case 408, 425, 429, 500..<600: .refused("answered with HTTP status \(status)", isTransient: true)
        default: .refused("answered with HTTP status \(status)", isTransient: false)
        }
    }

    /// A text as a header's value: as it is where that is possible, and otherwise in base64 with a sign that says so.
    static func headerText(_ text: String) -> String {
        let isPlain =
            text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.hasPrefix(" ") && !text.hasSuffix(" ")
        return isPlain && !text.hasPrefix("=?base64?") ? text : "=?base64?\(Base64.encode(Array(text.utf8)))?="
    }
}
