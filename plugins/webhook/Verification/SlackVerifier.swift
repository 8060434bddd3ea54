internal import RunnelKit

/// `X-Slack-Signature: v0=…` over `v0:timestamp:body`:
/// https://docs.slack.dev/authentication/verifying-requests-from-slack
struct SlackVerifier: Verifier {
    let secrets: SharedSecrets
    let window: ReplayWindow

    var proofHeaders: Set<String> { ["x-slack-signature"] }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let time = try request.proof("x-slack-request-timestamp")
        _ = try window.check(time, now: now)
        let signature = try request.proof("x-slack-signature")
        guard signature.hasPrefix("v0="), let code = CodeEncoding.hex.decode(signature.dropFirst(3)) else {
            throw VerificationFailure("x-slack-signature holds no v0 signature")
        }
        let isRight = secrets.keys.contains { key in
            let expected = HashAlgorithm.sha256.code(key: key, [Array("v0:\(time):".utf8), request.body])
            return ConstantTime.areEqual(expected, code)
        }
        guard isRight else { throw VerificationFailure("the signature is wrong") }
    }
}
