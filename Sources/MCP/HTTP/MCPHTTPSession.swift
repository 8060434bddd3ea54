internal import RunnelKit
internal import RunnelSupport

/// The rules of streamable HTTP: headers of messages and meaning of statuses. Pure.
///
/// - SeeAlso: Model Context Protocol, "Transports", "Streamable HTTP".
struct MCPHTTPSession: Sendable, Hashable {
    /// The session id of the server, if it has one.
    private(set) var id: String?
    /// The negotiated revision; nil before the handshake.
    var version: MCPRevision?

    /// The headers of the POST that carries `message`.
    func headers(for message: Value) -> [String: String] {
        let method = message["method"]?.asString
        var headers = ["content-type": "application/json", "accept": "application/json, text/event-stream"]
        // The handshake restarts, whatever was negotiated before.
        guard method != "initialize" else { return headers }
        if let id { headers["mcp-session-id"] = id }
        guard let version else { return headers }
        // The header was introduced in revision 2025-06-18.
        if version != .november2024, version != .march2025 { headers["mcp-protocol-version"] = version.rawValue }
        if version.isStateless, let method {
            headers["mcp-method"] = method
            if method == "tools/call", let name = message["params"]?["name"]?.asString {
                headers["mcp-name"] = Self.headerText(name)
            }
        }
        return headers
    }

    /// The headers of the DELETE that ends the session; nil without a session.
    func headersForEnd() -> [String: String]? {
        guard let id, let version, !version.isStateless else { return nil }
        var headers = ["mcp-session-id": id]
        if version != .march2025 { headers["mcp-protocol-version"] = version.rawValue }
        return headers
    }

    /// Whether the message is sent. Without sessions, closing a response cancels a request.
    func sends(_ message: Value) -> Bool {
        !(version?.isStateless == true && message["method"]?.asString == "notifications/cancelled")
    }

    /// Processes the headers of a response to `message`.
    mutating func received(headers: [String: String], to message: Value) {
        if message["method"]?.asString == "initialize" { id = headers["mcp-session-id"] }
    }

    /// The fault for an error status without a message in the body; nil for success.
    ///
    /// - Parameter now: Nanoseconds since 1970.
    func fault(status: Int, headers: [String: String], now: Int64) -> MCPFault? {
        switch status {
        case 200..<300: nil
        case 404 where id != nil: .sessionExpired
        case 401, 403: .refused("answered with HTTP status \(status): it wants other credentials", isTransient: false)
        case 408, 425, 429, 500..<600:
            .refused(
                "answered with HTTP status \(status)", isTransient: true,
                retryAfter: RetryAfter.delay(
                    headers["retry-after"], milliseconds: headers["retry-after-ms"], date: headers["date"],
                    now: now / 1_000_000_000))
        default: .refused("answered with HTTP status \(status)", isTransient: false)
        }
    }

    /// Whether the status asks for a retry, whatever error the body contains. That of a 500 is an error of the tool.
    static func asksForRetry(_ status: Int) -> Bool { [408, 425, 429, 502, 503, 504].contains(status) }

    /// A text as a header value: unchanged if possible, otherwise in marked base64.
    static func headerText(_ text: String) -> String {
        let isPlain =
            text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.hasPrefix(" ") && !text.hasSuffix(" ")
        return isPlain && !text.hasPrefix("=?base64?") ? text : "=?base64?\(Base64.encode(Array(text.utf8)))?="
    }
}
