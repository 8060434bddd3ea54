internal import RunnelSupport

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
