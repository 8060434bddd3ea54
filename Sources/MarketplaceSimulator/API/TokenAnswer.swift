/// The body of a successful token request.
enum TokenAnswer {
    static func body(token: String, configuration: SimulatorConfiguration) -> String {
        var members: [JSONValue.Member] = [
            .init(key: "access_token", value: .string(token)),
            .init(key: "token_type", value: "Bearer"),
            .init(key: "expires_in", value: .number(String(configuration.tokenLifetime.wholeSecondsRoundedUp))),
        ]
        if configuration.shape == .guide {
            members.insert(.init(key: "success", value: true), at: 0)
            members.append(.init(key: "scope", value: .string(configuration.scopes.joined(separator: " "))))
        }
        return JSONValue.object(members).text
    }

    /// Whether the body of a token request has the right credentials.
    ///
    /// - Throws: A failure with the status 400 or 401.
    static func check(_ object: JSONValue, configuration: SimulatorConfiguration) throws(APIFailure) {
        let clientID = try JSONBody.string("client_id", of: object)
        let clientSecret = try JSONBody.string("client_secret", of: object)
        guard clientID == configuration.clientID, clientSecret == configuration.clientSecret else {
            throw .wrongCredentials
        }
    }
}
