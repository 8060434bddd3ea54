internal import RunnelValue

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

/// The body of a successful token request.
enum TokenAnswer {
    static func body(token: String, configuration: SimulatorConfiguration) -> String {
        var members: ValueObject = configuration.shape == .guide ? ["success": true] : [:]
        members["access_token"] = .string(token)
        members["token_type"] = "Bearer"
        members["expires_in"] = .int(configuration.tokenLifetime.wholeSeconds)
        if configuration.shape == .guide {
            members["scope"] = .string(configuration.scopes.joined(separator: " "))
        }
        return Value.object(members).json()
    }

    /// Whether the body of a token request has the right credentials.
    ///
    /// - Throws: A failure with the status 400 or 401.
    static func check(_ object: Value, configuration: SimulatorConfiguration) throws(APIFailure) {
        let clientID = try JSONBody.string("client_id", of: object)
        let clientSecret = try JSONBody.string("client_secret", of: object)
        guard clientID == configuration.clientID, clientSecret == configuration.clientSecret else {
            throw .wrongCredentials
        }
    }
}
