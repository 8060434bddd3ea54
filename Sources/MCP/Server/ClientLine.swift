internal import RunnelKit

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
