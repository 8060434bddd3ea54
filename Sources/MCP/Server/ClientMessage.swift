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

/// What stands in one line: a message, or several in a list as the revision 2025-03-26 allows.
enum ClientLine: Sendable, Hashable {
    case one(ClientMessage)
    case list([ClientMessage])

    /// The most messages in a list.
    static let maximum = 64

    init(_ line: [UInt8]) {
        let value: Value
        do {
            value = try Value.json(line)
        } catch {
            self = .one(.invalid(id: .null, .parse("the line is not JSON: \(error)")))
            return
        }
        guard let list = value.asList else {
            self = .one(ClientMessage(value))
            return
        }
        switch list.count {
        case 0: self = .one(.invalid(id: .null, .invalidRequest("the list of messages is empty")))
        case ...Self.maximum: self = .list(list.map { ClientMessage($0) })
        default:
            let words = "the list has \(list.count) messages; at most \(Self.maximum) are taken at once"
            self = .one(.invalid(id: .null, .invalidRequest(words)))
        }
    }
}

/// Answers to messages that came in one list, which go back in one list when the last of them is there (JSON-RPC 2.0,
/// section 6).
struct BatchedAnswers: Sendable {
    private struct Batch {
        var answers: [Value] = []
        var missing: Int
    }

    private var batches: [Int: Batch] = [:]
    private var next = 0

    /// - Parameter answers: How many answers there will be; more than none.
    mutating func open(awaiting answers: Int) -> Int {
        next += 1
        batches[next] = Batch(missing: answers)
        return next
    }

    /// - Parameter answer: nil where the call was cancelled, and so has none.
    /// - Returns: The list, when nothing is missing any more and something is in it.
    mutating func add(_ answer: Value?, to number: Int) -> Value? {
        guard var batch = batches[number] else { return nil }
        batch.missing -= 1
        if let answer { batch.answers.append(answer) }
        guard batch.missing == 0 else {
            batches[number] = batch
            return nil
        }
        batches[number] = nil
        return batch.answers.isEmpty ? nil : .list(batch.answers)
    }
}
