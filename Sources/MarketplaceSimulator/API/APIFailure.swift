internal import RunnelSupport
internal import RunnelValue

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
