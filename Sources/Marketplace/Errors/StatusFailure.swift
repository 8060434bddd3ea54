internal import NIOHTTP1
internal import RunnelSupport

/// Turns an HTTP status and what the server says with it into an error that tells what to do.
struct StatusFailure {
    var status: Int
    var server: ServerMessage
    var url: String
    var redactor: ResponseRedactor

    /// `404 Not Found, "agent not found"`
    private var answer: String {
        let reason = HTTPResponseStatus(statusCode: status).reasonPhrase
        let line = reason.isEmpty ? "\(status)" : "\(status) \(reason)"
        guard let said = redactor.redact(server.text ?? server.code) else { return "\(line)." }
        return "\(line), \(Quote.quoted(said))."
    }

    /// The failure of a chat request.
    /// - Parameter conversationID: The conversation that the request continues.
    func chat(
        authentication: MarketplaceConfiguration.Authentication, agentID: String?, conversationID: String? = nil
    ) -> MarketplaceError {
        switch status {
        case 401:
            let hint =
                switch authentication {
                case .clientCredentials:
                    "A newly fetched token was refused as well: check that the client id belongs to this deployment "
                        + "and was not revoked."
                case .bearer: "Check the bearer token: it may be wrong, expired or meant for another server."
                case .none: "The server wants authentication: configure a bearer token or client credentials."
                }
            return error(.unauthorized, "The server refused the access token: \(answer)", hint)
        case 403:
            return error(
                .forbidden, "The server does not allow this call: \(answer)",
                agentID.map { "Ask the administrator to allow these credentials to use the agent \(Quote.quoted($0))." }
                    ?? "Ask the administrator what these credentials may do.")
        case 404:
            if let conversationID, blamesConversation(conversationID) {
                return MarketplaceError(
                    .notFound, "The server no longer has the conversation \(Quote.quoted(conversationID)): \(answer)",
                    hint: "Check the id, or begin a new conversation.", httpStatus: status,
                    missingConversation: conversationID)
            }
            let hint =
                agentID.map { "Check the base URL and the agent id \(Quote.quoted($0))." }
                ?? "Check the base URL, the model and, if the server needs one, the agent id."
            return error(
                .notFound, "Nothing is at \(url): \(answer)",
                conversationID.map {
                    hint + " If they are right, the server may no longer have the conversation \(Quote.quoted($0)): "
                        + "begin a new one."
                } ?? hint)
        case 429:
            return error(
                .rateLimited, "The server is limiting requests: \(answer)",
                "Try again later, or lower the limit of requests a minute.", transient: true)
        case 500...599:
            return error(
                .serverError, "The server failed: \(answer)", "Try again later; if it stays so, tell the operator.",
                transient: status != 501)
        case 408, 425:
            return error(.badRequest, "The server gave the request up: \(answer)", "Try again.", transient: true)
        case 400..<500:
            return error(
                .badRequest, "The server does not accept the request: \(answer)",
                "Check the messages, the model and the agent id.")
        default: return unexpected
        }
    }

    /// The failure of a token request.
    func token() -> MarketplaceError {
        switch status {
        case 400 where isInvalidClient, 401, 403:
            return error(
                .wrongCredentials, "The server refused the client id and secret: \(answer)",
                "Check client id and client secret (Admin panel), and that they belong to \(url).")
        case 404:
            return error(
                .notFound, "Nothing is at \(url): \(answer)",
                "Check the base URL; it should be the deployment's domain.")
        case 429:
            return error(
                .rateLimited, "The server is limiting requests for tokens: \(answer)", "Try again later.",
                transient: true)
        case 500...599:
            return error(
                .serverError, "The server failed to give a token: \(answer)",
                "Try again later; if it stays so, tell the operator.", transient: status != 501)
        case 400..<500:
            return error(
                .badRequest, "The server does not accept the request for a token: \(answer)",
                "Check client id, client secret and base URL.")
        default: return unexpected
        }
    }

    /// Whether a 404 is about the conversation, as far as the server's words tell: an address or an agent that is wrong
    /// must not pass for a conversation that is gone.
    private func blamesConversation(_ id: String) -> Bool {
        let words = [server.code, server.text].compactMap(\.self).joined(separator: " ").lowercased()
        // A short id may be a part of any word.
        let names = ["conversation", "thread"] + (id.utf8.count < 8 ? [] : [id.lowercased()])
        return names.contains { words.contains($0) }
    }

    private var isInvalidClient: Bool {
        (server.code ?? server.text ?? "").contains("invalid_client")
    }

    private var unexpected: MarketplaceError {
        error(
            .unexpectedStatus, "\(url) answered \(answer)",
            (300...399).contains(status)
                ? "The address has moved: set the base URL to the new one."
                : "Check that the base URL is the API's address.")
    }

    private func error(
        _ code: MarketplaceError.Code, _ message: String, _ hint: String, transient: Bool = false
    ) -> MarketplaceError {
        MarketplaceError(code, message, hint: hint, isTransient: transient, httpStatus: status)
    }
}
