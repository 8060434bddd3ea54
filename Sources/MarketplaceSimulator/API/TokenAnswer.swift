internal import RunnelValue

/// The body of a successful token request.
enum TokenAnswer {
    static func body(token: String, configuration: SimulatorConfiguration) -> String {
        var members: ValueObject = configuration.shape == .guide ? ["success": true] : [:]
        members["access_token"] = .string(token)
        members["token_type"] = "Bearer"
        members["expires_in"] = .int(configuration.tokenLifetime.wholeSecondsRoundedUp)
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
