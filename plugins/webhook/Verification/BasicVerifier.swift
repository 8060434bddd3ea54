internal import RunnelKit

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
