internal import MCPProtocol
internal import RunnelKit

/// A message of JSON-RPC 2.0 as a client sends it.
enum RPCMessage: Sendable, Hashable {
    case request(id: Value, method: String, parameters: ValueObject)
    case notification(method: String, parameters: ValueObject)
    /// An answer; this server asks nothing, so nobody waits for it.
    case response
    case invalid(id: Value, RPCError)

    /// Whether it has an answer, now or later.
    var isAnswered: Bool {
        switch self {
        case .request, .invalid: true
        case .notification, .response: false
        }
    }

    init(_ value: Value) {
        guard let object = value.asObject else {
            self = .invalid(id: .null, .invalidRequest("a message is an object, found \(value.kindName)"))
            return
        }
        let id = object["id"]
        let answerable: Value =
            switch id {
            case .string?, .int?: id ?? .null
            default: .null
            }
        guard object["jsonrpc"] == "2.0" else {
            self = .invalid(id: answerable, .invalidRequest("\"jsonrpc\" has to be \"2.0\""))
            return
        }
        guard let method = object["method"]?.asString else {
            let isResponse = object["result"] != nil || object["error"] != nil
            self = isResponse ? .response : .invalid(id: answerable, .invalidRequest("there is no \"method\""))
            return
        }
        let parameters: ValueObject
        switch object["params"] {
        case nil: parameters = [:]
        case .object(let object)?: parameters = object
        case _ where id == nil:
            // Never answered, so what is wrong with it cannot be said.
            self = .notification(method: method, parameters: [:])
            return
        case let other?:
            self = .invalid(
                id: answerable, .invalidParameters("\"params\" has to be an object, found \(other.kindName)"))
            return
        }
        switch id {
        case nil: self = .notification(method: method, parameters: parameters)
        case .string?, .int?: self = .request(id: answerable, method: method, parameters: parameters)
        default:
            self = .invalid(id: .null, .invalidRequest("\"id\" has to be a string or a whole number"))
        }
    }
}

/// Why a request has no result (JSON-RPC 2.0, section 5.1, and MCP 2026-07-28).
struct RPCError: Error, Sendable, Hashable {
    var code: Int64
    var message: String
    var data: Value?

    static func parse(_ message: String) -> RPCError { RPCError(code: -32700, message: message) }
    static func invalidRequest(_ message: String) -> RPCError { RPCError(code: -32600, message: message) }
    static func unknownMethod(_ method: String) -> RPCError {
        RPCError(code: -32601, message: "there is no method \"\(method)\"")
    }
    static func invalidParameters(_ message: String) -> RPCError { RPCError(code: -32602, message: message) }
    static func overloaded(_ message: String) -> RPCError { RPCError(code: -32000, message: message) }
    static func unsupportedRevision(_ requested: String) -> RPCError {
        RPCError(
            code: -32022, message: "the revision \"\(requested)\" of the protocol is not spoken here",
            data: ["supported": .list(MCPRevision.stateless), "requested": .string(requested)])
    }

    func message(id: Value) -> Value {
        var error: ValueObject = ["code": .int(code), "message": .string(message)]
        error["data"] = data
        return ["jsonrpc": "2.0", "id": id, "error": .object(error)]
    }
}
