internal import RunnelKit

/// Standard Webhooks 1.0.0: `webhook-signature` over `id.timestamp.body`. Senders that use Svix sign the same way and
/// call the fields `svix-…`: https://docs.svix.com/receiving/verifying-payloads/how-manual
struct StandardWebhooksVerifier: Verifier {
    let secrets: SigningSecrets
    let window: ReplayWindow

    var proofHeaders: Set<String> { ["webhook-signature", "svix-signature"] }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        let names = Self.names(request)
        let id = try request.proof(names.id)
        // Otherwise a part of the body could be taken for the end of the id (the parts are joined by dots).
        guard !id.contains(".") else { throw VerificationFailure("the id in \(names.id) holds a dot") }
        let time = try window.check(request.proof(names.time), now: now)
        let given = try request.proof(names.signature).split(separator: " ").compactMap(Self.code)
        guard !given.isEmpty else { throw VerificationFailure("\(names.signature) holds no v1 signature") }
        let expected = WebhookSignature.header(keys: secrets.keys, id: id, timestamp: time, body: request.body)
            .split(separator: " ").compactMap(Self.code)
        guard given.contains(where: { code in expected.contains { ConstantTime.areEqual($0, code) } }) else {
            throw VerificationFailure("the signature is wrong")
        }
    }

    func signedID(_ request: IngressRequest) -> String? { request.headers.first(Self.names(request).id) }

    /// One set of names or the other, never a mixture: what is signed under one must not vouch for the other's id.
    private static func names(_ request: IngressRequest) -> (id: String, time: String, signature: String) {
        let prefix =
            request.headers.first("webhook-signature") == nil && request.headers.first("svix-signature") != nil
            ? "svix" : "webhook"
        return ("\(prefix)-id", "\(prefix)-timestamp", "\(prefix)-signature")
    }

    private static func code(_ signature: Substring) -> [UInt8]? {
        signature.hasPrefix("v1,") ? Base64.decode(signature.dropFirst(3)) : nil
    }
}
