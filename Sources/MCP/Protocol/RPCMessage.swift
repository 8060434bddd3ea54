internal import RunnelKit

/// A message of JSON-RPC 2.0, whoever sends it: a request, a notification, or a response.
struct RPCMessage: Sendable, Hashable {
    /// The id as it was sent, even if it is not a valid one.
    var id: Value?
    /// nil for a response.
    var method: String?
    var params: Value?
    var result: Value?
    var error: Value?
    /// Whether it says `"jsonrpc": "2.0"`.
    var isMarked = true

    private init(
        id: Value? = nil, method: String? = nil, params: Value? = nil, result: Value? = nil, error: Value? = nil
    ) {
        (self.id, self.method, self.params, self.result, self.error) = (id, method, params, result, error)
    }

    static func request(_ id: Value, _ method: String, _ params: ValueObject = [:]) -> RPCMessage {
        RPCMessage(id: id, method: method, params: params.isEmpty ? nil : .object(params))
    }

    static func notification(_ method: String, _ params: ValueObject = [:]) -> RPCMessage {
        RPCMessage(method: method, params: params.isEmpty ? nil : .object(params))
    }

    static func result(_ id: Value, _ result: ValueObject) -> RPCMessage {
        RPCMessage(id: id, result: .object(result))
    }

    static func error(_ id: Value, _ error: RPCError) -> RPCMessage { RPCMessage(id: id, error: error.value) }

    /// Reads a message; nil if the value is not an object.
    init?(_ value: Value) {
        guard let object = value.asObject else { return nil }
        id = object["id"]
        method = object["method"]?.asString
        params = object["params"]
        result = object["result"]
        error = object["error"]
        isMarked = object["jsonrpc"] == "2.0"
    }

    /// The message as it is sent.
    var value: Value {
        var object: ValueObject = ["jsonrpc": "2.0"]
        object["id"] = id
        object["method"] = method.map { .string($0) }
        object["params"] = params
        object["result"] = result
        object["error"] = error
        return .object(object)
    }
}

/// Why a request has no result (JSON-RPC 2.0, section 5.1, and MCP 2026-07-28).
struct RPCError: Error, Sendable, Hashable {
    var code: Int64
    var message: String
    var data: Value?

    /// The revision of a request is not known.
    static let unsupportedRevision: Int64 = -32022
    /// The other side failed.
    static let internalError: Int64 = -32603

    init(code: Int64, message: String, data: Value? = nil) {
        (self.code, self.message, self.data) = (code, message, data)
    }

    /// Reads the error of a response; nil if there is none. Some servers send a string instead of an object.
    init?(_ value: Value?) {
        guard let value, !value.isNull else { return nil }
        let object = value.asObject ?? ["message": value]
        code = object["code"]?.asInt ?? 0
        message = object["message"]?.text ?? "no message"
        data = object["data"]
    }

    static func parse(_ message: String) -> RPCError { RPCError(code: -32700, message: message) }
    static func invalidRequest(_ message: String) -> RPCError { RPCError(code: -32600, message: message) }
    static func unknownMethod(_ words: String) -> RPCError { RPCError(code: -32601, message: words) }
    static func invalidParameters(_ message: String) -> RPCError { RPCError(code: -32602, message: message) }
    static func overloaded(_ message: String) -> RPCError { RPCError(code: -32000, message: message) }

    var value: Value {
        var error: ValueObject = ["code": .int(code), "message": .string(message)]
        error["data"] = data
        return .object(error)
    }

    /// The response that says so.
    func message(id: Value) -> Value { RPCMessage.error(id, self).value }
}
