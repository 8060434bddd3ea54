internal import RunnelSupport
internal import RunnelValue

/// How a request is answered.
enum Outcome: Sendable, Equatable {
    case reply(Reply)
    case stream([StreamStep])
    /// The connection is reset before any header.
    case reset

    /// Nil when there is no answer.
    var status: Int? {
        switch self {
        case .reply(let reply): reply.status
        case .stream: 200
        case .reset: nil
        }
    }
}

/// A whole answer.
struct Reply: Sendable, Equatable {
    static let json = "application/json; charset=utf-8"

    var status = 200
    var headers: [String: String] = [:]
    var contentType = Reply.json
    var body: String

    init(_ failure: APIFailure) {
        status = failure.status
        headers = failure.headers
        body = failure.body
    }

    init(body: String, contentType: String = Reply.json) {
        self.contentType = contentType
        self.body = body
    }
}

/// An answer that is an error: a status, and a JSON body that says why.
struct APIFailure: Error, Sendable, Equatable {
    let status: Int
    let code: String
    let message: String
    var headers: [String: String] = [:]

    /// `{"success":false,"error":{"code":…,"message":…}}`.
    var body: String {
        let body: Value = ["success": false, "error": ["code": .string(code), "message": .string(message)]]
        return body.json()
    }

    static func badRequest(_ message: String, code: String = "invalid_request") -> APIFailure {
        APIFailure(status: 400, code: code, message: message)
    }

    static func unauthorized(_ message: String) -> APIFailure {
        APIFailure(
            status: 401, code: "invalid_token", message: message,
            headers: ["WWW-Authenticate": "Bearer error=\"invalid_token\""])
    }

    static let wrongCredentials = APIFailure(
        status: 401, code: "invalid_client", message: "The client id or the client secret is wrong.")
    static let invalidToken = unauthorized("The access token is invalid or has expired.")
    static let missingToken = unauthorized("The header \"Authorization: Bearer <access token>\" is missing.")
    static let missingScope = APIFailure(
        status: 403, code: "insufficient_scope", message: "The access token lacks the scope \"openid\".")

    static func unknownAgent(_ id: String) -> APIFailure {
        APIFailure(status: 404, code: "agent_not_found", message: "There is no agent \(Quote.quoted(id, limit: 80)).")
    }

    static func unknownMessage(_ id: String) -> APIFailure {
        APIFailure(
            status: 404, code: "message_not_found", message: "There is no answer \(Quote.quoted(id, limit: 80)).")
    }
    static func unknownPath(_ path: String) -> APIFailure {
        APIFailure(
            status: 404, code: "not_found", message: "There is nothing at the path \(Quote.quoted(path, limit: 120)).")
    }

    static let methodNotAllowed = APIFailure(
        status: 405, code: "method_not_allowed", message: "Only POST is allowed here.", headers: ["Allow": "POST"])

    static func tooLarge(limit: Int) -> APIFailure {
        APIFailure(status: 413, code: "request_too_large", message: "The body is larger than \(limit) bytes.")
    }

    static func rateLimited(retryAfter: Int64) -> APIFailure {
        APIFailure(
            status: 429, code: "rate_limited", message: "Too many requests. Try again in \(retryAfter) s.",
            headers: ["Retry-After": String(retryAfter)])
    }

    static let serverError = APIFailure(
        status: 500, code: "internal_error", message: "The server met an unexpected condition.")
    static let unavailable = APIFailure(
        status: 503, code: "unavailable", message: "The service is unavailable for the moment.")
}

/// What matters of an HTTP request.
struct Call: Sendable {
    var contentType: String?
    var authorization: String?
    /// The header `X-Simulate`.
    var simulate: String?
    /// The header `Idempotency-Key`.
    var idempotencyKey: String?
    var body: String

    /// The token of the header `Authorization: Bearer …`; the scheme's case does not matter (RFC 9110, section 11.1).
    var bearerToken: String? {
        guard let authorization else { return nil }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let token = parts[1].trimmed
        return token.isEmpty ? nil : String(token)
    }
}
