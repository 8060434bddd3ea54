internal import MCPProtocol
internal import RunnelKit

/// The state of a conversation in JSON-RPC 2.0: which requests are open, and what an incoming message means. Pure.
///
/// - SeeAlso: Model Context Protocol, "Base Protocol".
struct MCPSession: Sendable {
    enum Event: Sendable {
        case answer(id: Int64, Result<Value, MCPFault>)
        case progress(id: Int64, String)
        case log(level: String, String)
        case toolsChanged
        /// To be sent back.
        case reply(Value)
        /// To be logged, and otherwise passed over.
        case ignored(String)
    }

    /// What requests say of it; nil before it is known.
    var version: MCPRevision?
    private var open: [Int64: String] = [:]
    private var lastID: Int64 = 0

    static let clientInfo: Value = ["name": "runnel", "version": "1"]

    /// A new request.
    mutating func request(
        _ method: String, _ params: ValueObject = [:], wantsProgress: Bool = false
    ) -> (id: Int64, message: Value) {
        lastID += 1
        open[lastID] = method
        var params = params
        var meta = ValueObject()
        if let version, version.isStateless {
            meta[MCPRevision.key] = .string(version.rawValue)
            meta["io.modelcontextprotocol/clientInfo"] = Self.clientInfo
            meta["io.modelcontextprotocol/clientCapabilities"] = [:]
            if wantsProgress { meta["io.modelcontextprotocol/logLevel"] = "info" }
        }
        if wantsProgress { meta["progressToken"] = .int(lastID) }
        if !meta.isEmpty { params["_meta"] = .object(meta) }
        var message: ValueObject = ["jsonrpc": "2.0", "id": .int(lastID), "method": .string(method)]
        if !params.isEmpty { message["params"] = .object(params) }
        return (lastID, .object(message))
    }

    static func notification(_ method: String, _ params: ValueObject = [:]) -> Value {
        var message: ValueObject = ["jsonrpc": "2.0", "method": .string(method)]
        if !params.isEmpty { message["params"] = .object(params) }
        return .object(message)
    }

    /// Gives up on a request. What the server has to be told; nil when it has answered, or may not be told.
    mutating func abandon(_ id: Int64, reason: String) -> Value? {
        guard let method = open.removeValue(forKey: id) else { return nil }
        // The specification forbids to cancel the handshake.
        if method == "initialize" || method == "server/discover" { return nil }
        return Self.notification("notifications/cancelled", ["requestId": .int(id), "reason": .string(reason)])
    }

    /// What a message means; several in a batch, which the revision 2025-03-26 knows.
    mutating func receive(_ message: Value) -> [Event] {
        if let batch = message.asList { return batch.flatMap { receive(single: $0) } }
        return receive(single: message)
    }

    private mutating func receive(single message: Value) -> [Event] {
        guard let object = message.asObject else { return [.ignored("a message that is \(message.kindName)")] }
        guard let method = object["method"]?.asString else { return [receive(answer: object)] }
        let params = object["params"] ?? [:]
        if let id = object["id"], !id.isNull { return [.reply(Self.reply(to: method, id: id))] }
        switch method {
        case "notifications/progress":
            // A token is the id of the request that it was sent with.
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
            // Nothing is asked of a client that does not know a notification.
            return []
        }
    }

    private mutating func receive(answer object: ValueObject) -> Event {
        guard let id = object["id"], !id.isNull else {
            let error = object["error"]?["message"]?.text
            return .ignored("an answer to no request" + (error.map { ": \($0)" } ?? ""))
        }
        guard let number = id.asInt, open.removeValue(forKey: number) != nil else {
            let isOld = id.asInt.map { (1...max(1, lastID)).contains($0) && lastID > 0 } ?? false
            return .ignored(
                isOld
                    ? "a late or second answer to request \(id.quoted())"
                    : "an answer to request \(id.quoted()), which was never made")
        }
        if let error = object["error"]?.asObject {
            return .answer(
                id: number,
                .failure(
                    .answer(
                        code: error["code"]?.asInt ?? 0, message: error["message"]?.text ?? "no message",
                        data: error["data"])))
        }
        guard let result = object["result"], result.asObject != nil else {
            return .answer(
                id: number, .failure(.refused("gave an answer without a result", isTransient: false)))
        }
        return .answer(id: number, .success(result))
    }

    private static func reply(to method: String, id: Value) -> Value {
        guard method != "ping" else { return ["jsonrpc": "2.0", "id": id, "result": [:]] }
        return [
            "jsonrpc": "2.0", "id": id,
            "error": ["code": -32601, "message": .string("Method not found: \(method)")],
        ]
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
