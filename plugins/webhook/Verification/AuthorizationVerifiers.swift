internal import RunnelKit

/// A token: `Authorization: Bearer …` (RFC 6750), or all of another header field.
struct BearerVerifier: Verifier {
    let secrets: SharedSecrets
    /// In lower case; nil for `Authorization`.
    let header: String?

    var proofHeaders: Set<String> { [header ?? "authorization"] }
    var challenge: String? { header == nil ? "Bearer" : nil }
    var coversBody: Bool { false }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let token: String
        if let header {
            token = try request.proof(header)
        } else {
            token = try request.credentials(scheme: "bearer")
        }
        guard secrets.contain(token) else { throw VerificationFailure("the token is wrong") }
    }
}

extension IngressRequest {
    /// What stands behind the name of the scheme in `Authorization`.
    func credentials(scheme: String) throws(VerificationFailure) -> String {
        let value = try proof("authorization")
        guard let space = value.firstIndex(of: " "), value[..<space].lowercased() == scheme else {
            throw VerificationFailure("the header authorization is not of the scheme \"\(scheme)\"")
        }
        return String(value[space...].drop { $0 == " " })
    }
}

/// A user and a password: `Authorization: Basic …` (RFC 7617).
struct BasicVerifier: Verifier {
    let user: String
    let passwords: SharedSecrets

    var proofHeaders: Set<String> { ["authorization"] }
    var challenge: String? { "Basic realm=\"webhook\", charset=\"UTF-8\"" }
    var coversBody: Bool { false }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let text = try request.credentials(scheme: "basic")
        guard let bytes = Base64.decode(text), let pair = String(validating: bytes, as: UTF8.self),
            let colon = pair.firstIndex(of: ":")
        else { throw VerificationFailure("the header authorization holds no user and password") }
        let isUser = ConstantTime.areEqual(user, String(pair[..<colon]))
        let isPassword = passwords.contain(String(pair[colon...].dropFirst()))
        guard isUser, isPassword else { throw VerificationFailure("user or password is wrong") }
    }
}
