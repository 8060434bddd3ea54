internal import RunnelKit

/// `Stripe-Signature: t=…,v1=…` over `t.body`: https://docs.stripe.com/webhooks/signature
struct StripeVerifier: Verifier {
    let secrets: SharedSecrets
    let window: ReplayWindow

    var proofHeaders: Set<String> { ["stripe-signature"] }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let elements = try request.proof("stripe-signature").split(separator: ",").map {
            $0.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        }
        let values = { (name: String) in elements.filter { $0.count == 2 && $0[0] == name }.map { $0[1] } }
        let times = values("t")
        guard let time = times.first, times.count == 1 else {
            throw VerificationFailure("stripe-signature holds \(times.count) time stamps")
        }
        _ = try window.check(time, now: now)
        let codes = values("v1").compactMap(CodeEncoding.hex.decode)
        guard !codes.isEmpty else { throw VerificationFailure("stripe-signature holds no v1 signature") }
        let isRight = secrets.keys.contains { key in
            let expected = HashAlgorithm.sha256.code(key: key, [Array("\(time).".utf8), request.body])
            return codes.contains { ConstantTime.areEqual(expected, $0) }
        }
        guard isRight else { throw VerificationFailure("the signature is wrong") }
    }
}
