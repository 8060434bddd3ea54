internal import NIOHTTP1
internal import RunnelSupport

/// Turns an HTTP status and what the server says with it into an error that tells what to do.
struct StatusFailure {
    var status: Int
    var server: ServerMessage
    /// How long the server asks to wait (`Retry-After`).
    var retryAfter: Duration?
    var url: String
    var redactor: ResponseRedactor

    /// - Parameters:
    ///   - body: The body, or the beginning that was read.
    ///   - now: Seconds since 1970, for a `Retry-After` that is a date.
    init(
        status: HTTPResponseStatus, headers: HTTPHeaders, body: [UInt8], url: String,
        redactor: ResponseRedactor, now: Int
    ) {
        self.status = Int(status.code)
        server = ServerMessage(body: body, contentType: headers.first(name: "Content-Type"))
        retryAfter = RetryAfter.delay(
            headers.first(name: "Retry-After"), milliseconds: headers.first(name: "retry-after-ms"),
            date: headers.first(name: "Date"), now: Int64(now))
        self.url = url
        self.redactor = redactor
    }

    /// `404 Not Found, "agent not found"`
    private var answer: String {
        let reason = HTTPResponseStatus(statusCode: status).reasonPhrase
        let line = reason.isEmpty ? "\(status)" : "\(status) \(reason)"
        guard let said = redactor.redact(server.text ?? server.code) else { return line }
        return "\(line), \(Quote.quoted(said))"
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
                    "a newly fetched token was refused as well: check that the client id belongs to this deployment "
                        + "and was not revoked"
                case .bearer: "check the bearer token: it may be wrong, expired or meant for another server"
                case .none: "the server wants authentication: configure a bearer token or client credentials"
                }
            return error(.unauthorized, "the server refused the access token: \(answer)", hint)
        case 403:
            return error(
                .forbidden, "the server does not allow this call: \(answer)",
                agentID.map { "ask the administrator to allow these credentials to use the agent \(Quote.quoted($0))" }
                    ?? "ask the administrator what these credentials may do")
        case 404:
            if let conversationID, blamesConversation(conversationID) {
                return MarketplaceError(
                    .notFound, "the server no longer has the conversation \(Quote.quoted(conversationID)): \(answer)",
                    hint: "check the id, or begin a new conversation", httpStatus: status,
                    missingConversation: conversationID)
            }
            let hint =
                agentID.map { "check the base URL and the agent id \(Quote.quoted($0))" }
                ?? "check the base URL, the model and, if the server needs one, the agent id"
            return error(
                .notFound, "nothing is at \(url): \(answer)",
                conversationID.map {
                    hint + "; if they are right, the server may no longer have the conversation \(Quote.quoted($0)): "
                        + "begin a new one"
                } ?? hint)
        case 429:
            return error(
                .rateLimited, "the server is limiting requests: \(answer)",
                "try again later, or lower the limit of requests a minute", transient: true)
        case 500...599:
            return error(
                .serverError, "the server failed: \(answer)", "try again later; if it stays so, tell the operator",
                transient: status != 501)
        case 408, 425:
            return error(.badRequest, "the server gave the request up: \(answer)", "try again", transient: true)
        case 400..<500:
            return error(
                .badRequest, "the server does not accept the request: \(answer)",
                "check the messages, the model and the agent id")
        default: return unexpected
        }
    }

    /// The failure of an upload.
    func upload(authentication: MarketplaceConfiguration.Authentication) -> MarketplaceError {
        let error = chat(authentication: authentication, agentID: nil)
        guard !error.isTransient, [.badRequest, .notFound].contains(error.code) else { return error }
        let hint =
            status == 404
            ? "check the base URL and `marketplace.paths.upload`"
            : "check the type and the size of the file, and `marketplace.paths.upload`"
        return error.keeping(partialText: nil, hint: hint)
    }

    /// The failure of a token request.
    func token() -> MarketplaceError {
        switch status {
        case 400 where isInvalidClient, 401, 403:
            return error(
                .wrongCredentials, "the server refused the client id and secret: \(answer)",
                "check client id and client secret (Admin panel), and that they belong to \(url)")
        case 404:
            return error(
                .notFound, "nothing is at \(url): \(answer)",
                "check the base URL; it should be the deployment's domain")
        case 429:
            return error(
                .rateLimited, "the server is limiting requests for tokens: \(answer)", "try again later",
                transient: true)
        case 500...599:
            return error(
                .serverError, "the server failed to give a token: \(answer)",
                "try again later; if it stays so, tell the operator", transient: status != 501)
        case 400..<500:
            return error(
                .badRequest, "the server does not accept the request for a token: \(answer)",
                "check client id, client secret and base URL")
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
            [301, 302, 303, 307, 308].contains(status)
                ? "the address has moved: set the base URL to the new one"
                : "check that the base URL is the API's address")
    }

    private func error(
        _ code: MarketplaceError.Code, _ message: String, _ hint: String, transient: Bool = false
    ) -> MarketplaceError {
        MarketplaceError(
            code, message, hint: hint, isTransient: transient, httpStatus: status,
            retryAfter: transient ? retryAfter : nil)
    }
}
