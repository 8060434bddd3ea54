/// The access tokens that were issued, and until when each is good.
struct TokenLedger: Sendable {
    private struct Entry: Sendable {
        let token: String
        let expiry: Duration
    }

    /// Far more than a client has in use; the oldest go first.
    private static let mostTokens = 10_000

    private var entries: [Entry] = []
    private var issued = 0

    /// A new token, good until `expiry`.
    ///
    /// - Parameter salt: Makes tokens of different simulators differ.
    mutating func issue(until expiry: Duration, now: Duration, salt: UInt64) -> String {
        issued += 1
        entries.removeAll { $0.expiry <= now }
        if entries.count >= Self.mostTokens { entries.removeFirst() }
        let token = "simulated.\(issued).\(StableHash.hexadecimal(StableHash(String(salt), String(issued)).value))"
        entries.append(Entry(token: token, expiry: expiry))
        return token
    }

    func isGood(_ token: String, now: Duration) -> Bool {
        entries.contains { $0.token == token && now < $0.expiry }
    }

    mutating func revoke(_ token: String) {
        entries.removeAll { $0.token == token }
    }
}
