internal import RunnelKit

/// A code over the body alone, in one header field.
struct HMACVerifier: Verifier {
    let secrets: SharedSecrets
    /// In lower case.
    let header: String
    let algorithm: HashAlgorithm
    let encoding: CodeEncoding
    /// What stands before the code.
    let prefix: String

    /// What GitHub does: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    static func github(_ secrets: SharedSecrets) -> HMACVerifier {
        HMACVerifier(
            secrets: secrets, header: "x-hub-signature-256", algorithm: .sha256, encoding: .hex, prefix: "sha256=")
    }

    var proofHeaders: Set<String> { [header] }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let value = try request.proof(header)
        guard value.hasPrefix(prefix) else { throw VerificationFailure("\(header) does not begin with \"\(prefix)\"") }
        guard let code = encoding.decode(value.dropFirst(prefix.count)) else {
            throw VerificationFailure("the code in \(header) is not \(encoding.rawValue)")
        }
        let isRight = secrets.keys.contains {
            ConstantTime.areEqual(algorithm.code(key: $0, [request.body]), code)
        }
        guard isRight else { throw VerificationFailure("the signature is wrong") }
    }
}
