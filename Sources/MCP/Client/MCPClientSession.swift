internal import RunnelKit

/// The state of a JSON-RPC 2.0 session: open requests, and the interpretation of incoming messages. Pure.
///
/// - SeeAlso: Model Context Protocol, "Base Protocol".
struct MCPClientSession: Sendable {
    enum Event: Sendable {
        case answer(id: Int64, Result<Value, MCPFault>)
        case progress(id: Int64, String)
        case log(level: String, String)
        case toolsChanged
        /// Send this reply.
        case reply(Value)
        /// Log this and ignore the message.
        case ignored(String)
    }

    /// The version sent with requests; nil before it is known.
    var version: MCPRevision?
    private var open: [Int64: String] = [:]
    private var lastID: Int64 = 0

    static let clientInfo: Value = ["name": "runnel", "version": "1"]

    /// Creates a request.
    mutating func request(
        _ method: String, _ params: ValueObject = [:], wantsProgress: Bool = false
    ) -> (id: Int64, message: Value) {
        lastID += 1
        open[lastID] = method
        var params = params
        var meta = params["_meta"]?.asObject ?? [:]
        if let version, version.isStateless {
            meta[MCPRevision.key] = .string(version.rawValue)
            meta["io.modelcontextprotocol/clientInfo"] = Self.clientInfo
            meta["io.modelcontextprotocol/clientCapabilities"] = [:]
            if wantsProgress { meta["io.modelcontextprotocol/logLevel"] = "info" }
        }
        if wantsProgress { meta["progressToken"] = .int(lastID) }
        if !meta.isEmpty { params["_meta"] = .object(meta) }
        return (lastID, RPCMessage.request(.int(lastID), method, params).value)
    }

    static func notification(_ method: String, _ params: ValueObject = [:]) -> Value {
        RPCMessage.notification(method, params).value
    }

    /// Abandons a request. Returns the cancellation message; nil if it was answered or must not be cancelled.
    mutating func abandon(_ id: Int64, reason: String) -> Value? {
        guard let method = open.removeValue(forKey: id) else { return nil }
        // The specification forbids cancelling the handshake.
        if method == "initialize" || method == "server/discover" { return nil }
        return Self.notification("notifications/cancelled", ["requestId": .int(id), "reason": .string(reason)])
    }

    /// Ends an open request with a failure; nil if the request is not open.
    ///
    /// - Parameter words: Why the answer is unusable, as a predicate for "the plugin …".
    mutating func refuse(_ id: Int64, _ words: String) -> Event? {
        guard open.removeValue(forKey: id) != nil else { return nil }
        return .answer(id: id, .failure(.refused(words, isTransient: false)))
    }

    /// Interprets a message or a batch (revision 2025-03-26).
    mutating func receive(_ message: Value) -> [Event] {
        if let batch = message.asList { return batch.flatMap { receive(single: $0) } }
        return receive(single: message)
    }

    private mutating func receive(single value: Value) -> [Event] {
        guard let message = RPCMessage(value) else { return [.ignored("a message that is \(value.kindName)")] }
        guard let method = message.method else { return [receive(answer: message)] }
        let params = message.params ?? [:]
        if let id = message.id, !id.isNull { return [.reply(Self.reply(to: method, id: id))] }
        switch method {
        case "notifications/progress":
            // The progress token is the id of the request.
            guard let id = params["progressToken"]?.asInt, open[id] != nil else {
                return [.ignored("progress of a request that is not open")]
            }
            return Self.progress(params).map { [.progress(id: id, $0)] } ?? []
        case "notifications/message":
            let level = params["level"]?.asString ?? "info"
            let source = params["logger"]?.asString.map { "\($0): " } ?? ""
            return [.log(level: level, source + (params["data"]?.text ?? ""))]
        case "notifications/tools/list_changed": return [.toolsChanged]
        default:
            // Unknown notifications are ignored.
            return []
        }
    }

    private mutating func receive(answer message: RPCMessage) -> Event {
        guard let id = message.id, !id.isNull else {
            let error = message.error?["message"]?.text
            return .ignored("an answer to no request" + (error.map { ": \($0)" } ?? ""))
        }
        guard let number = id.asInt, open.removeValue(forKey: number) != nil else {
            let isOld = id.asInt.map { (1...max(1, lastID)).contains($0) && lastID > 0 } ?? false
            return .ignored(
                isOld
                    ? "a late or second answer to request \(id.quoted())"
                    : "an answer to request \(id.quoted()), which was never made")
        }
        if let error = RPCError(message.error) {
            return .answer(
                id: number, .failure(.answer(code: error.code, message: error.message, data: error.data)))
        }
        guard let result = message.result, result.asObject != nil else {
            return .answer(
                id: number, .failure(.refused("gave an answer without a result", isTransient: false)))
        }
        return .answer(id: number, .success(result))
    }

    private static func reply(to method: String, id: Value) -> Value {
        guard method != "ping" else { return RPCMessage.result(id, [:]).value }
        return RPCError.unknownMethod("Method not found: \(method)").message(id: id)
    }

    /// A progress notification as a line: `resizing (3 of 10)`.
    private static func progress(_ params: Value) -> String? {
        let message = params["message"]?.asString ?? ""
        var amount = ""
        if let done = params["progress"], done.asDouble != nil {
            amount = done.json()
            if let total = params["total"], total.asDouble != nil { amount += " of \(total.json())" }
        }
        if message.isEmpty { return amount.isEmpty ? nil : amount }
        return amount.isEmpty ? message : "\(message) (\(amount))"
    }
}
