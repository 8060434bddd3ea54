internal import RunnelKit

/// The requests of `subscriptions/listen` that go on: without a session, news go to those who ask for them, marked with
/// the id of their request.
///
/// - SeeAlso: Model Context Protocol, revision 2026-07-28: "Subscriptions".
struct Subscriptions: Sendable {
    private struct Subscription {
        let id: Value
        let wantsTools: Bool
    }

    /// The most that go on at once.
    static let maximum = 16

    private var subscriptions: [Subscription] = []

    func contains(_ id: Value) -> Bool { subscriptions.contains { $0.id == id } }

    /// - Returns: What tells the client which of the news it will get.
    mutating func begin(_ id: Value, _ parameters: ValueObject) throws(RPCError) -> Value {
        guard let wanted = parameters["notifications"]?.asObject else {
            throw .invalidParameters("\"notifications\" has to be an object that says which are wanted")
        }
        guard subscriptions.count < Self.maximum else {
            throw .overloaded("\(Self.maximum) subscriptions go on already; cancel one of them")
        }
        let wantsTools = wanted["toolsListChanged"] == true
        subscriptions.append(Subscription(id: id, wantsTools: wantsTools))
        return RPCMessage.notification(
            "notifications/subscriptions/acknowledged",
            [
                "notifications": wantsTools ? ["toolsListChanged": true] : [:],
                "_meta": [MCPRevision.subscriptionKey: id],
            ]
        ).value
    }

    mutating func end(_ id: Value) {
        subscriptions.removeAll { $0.id == id }
    }

    /// That the tools have changed, for each that wants to know.
    func news(_ method: String) -> [Value] {
        subscriptions.filter(\.wantsTools).map { subscription in
            RPCMessage.notification(method, ["_meta": [MCPRevision.subscriptionKey: subscription.id]]).value
        }
    }
}
