internal import RunnelKit

/// Standard Webhooks 1.0.0: `webhook-signature` over `id.timestamp.body`.
struct StandardWebhooksVerifier: Verifier {
    let secrets: SigningSecrets
    let window: ReplayWindow

    var proofHeaders: Set<String> { ["webhook-signature"] }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let id = try request.proof("webhook-id")
        let time = try window.check(request.proof("webhook-timestamp"), now: now)
        let given = try request.proof("webhook-signature").split(separator: " ").compactMap(Self.code)
        guard !given.isEmpty else { throw VerificationFailure("webhook-signature holds no v1 signature") }
        let expected = WebhookSignature.header(keys: secrets.keys, id: id, timestamp: time, body: request.body)
            .split(separator: " ").compactMap(Self.code)
        guard given.contains(where: { code in expected.contains { ConstantTime.areEqual($0, code) } }) else {
            throw VerificationFailure("the signature is wrong")
        }
    }

    private static func code(_ signature: Substring) -> [UInt8]? {
        signature.hasPrefix("v1,") ? Base64.decode(signature.dropFirst(3)) : nil
    }
}
