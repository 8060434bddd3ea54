internal import RunnelKit

/// A message of a client, checked as the protocol asks for.
enum ClientMessage: Sendable, Hashable {
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
        guard let message = RPCMessage(value) else {
            self = .invalid(id: .null, .invalidRequest("a message is an object, found \(value.kindName)"))
            return
        }
        let id = message.id
        let answerable: Value =
            switch id {
            case .string?, .int?: id ?? .null
            default: .null
            }
        guard message.isMarked else {
            self = .invalid(id: answerable, .invalidRequest("\"jsonrpc\" has to be \"2.0\""))
            return
        }
        guard let method = message.method else {
            let isResponse = message.result != nil || message.error != nil
            self = isResponse ? .response : .invalid(id: answerable, .invalidRequest("there is no \"method\""))
            return
        }
        let parameters: ValueObject
        switch message.params {
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
