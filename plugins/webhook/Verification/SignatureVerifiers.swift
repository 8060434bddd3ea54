internal import Crypto
internal import RunnelHTTP
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
        try secrets.verify([code], algorithm, over: [request.body])
    }
}

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
        try secrets.verify([code], over: [Array("v0:\(time):".utf8), request.body])
    }
}

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
        try secrets.verify(codes, over: [Array("\(time).".utf8), request.body])
    }
}

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

/// `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the form's fields, or over a URL that holds the SHA-256 of
/// the body: https://www.twilio.com/docs/usage/security#validating-requests
struct TwilioVerifier: Verifier {
    let secrets: SharedSecrets

    private static let header = "x-twilio-signature"
    private static let bodyHash = "bodySHA256"

    var proofHeaders: Set<String> { [Self.header] }

    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure) {
        guard let code = Base64.decode(try request.proof(Self.header)) else {
            throw VerificationFailure("the code in \(Self.header) is not base64")
        }
        let fields = try fields(request)
        let urls = Self.writings(of: request.url).map { Array($0.utf8) }
        let isRight = secrets.keys.contains { key in
            urls.contains { ConstantTime.areEqual(HashAlgorithm.sha1.code(key: key, [$0, fields]), code) }
        }
        guard isRight else {
            throw VerificationFailure("the signature is wrong, or `server.public_url` is not the URL that Twilio calls")
        }
    }

    /// What is signed behind the URL: names and values of the form in order, without anything between them. Of any other
    /// body the URL holds the hash.
    private func fields(_ request: IngressRequest) throws(VerificationFailure) -> [UInt8] {
        let body = request.body
        if let hash = try? FormReader.pairs(Array(request.query.utf8)).last(where: { $0.name == Self.bodyHash }) {
            guard let given = CodeEncoding.hex.decode(hash.value),
                ConstantTime.areEqual(Array(SHA256.hash(data: body)), given)
            else { throw VerificationFailure("the body is not the one whose hash is in the URL") }
            return []
        }
        guard !body.isEmpty else { return [] }
        let type = request.headers.first("content-type").flatMap(MediaType.init)?.essence
        guard type == "application/x-www-form-urlencoded", let pairs = try? FormReader.pairs(body) else {
            throw VerificationFailure(
                "the signature does not cover the body: it is no form, and the URL has no bodySHA256")
        }
        var values: [String: Set<String>] = [:]
        for pair in pairs { values[pair.name, default: []].insert(pair.value) }
        let text = values.sorted { Self.precedes($0.key, $1.key) }.map { name, values in
            values.sorted(by: Self.precedes).map { name + $0 }.joined()
        }.joined()
        return Array(text.utf8)
    }

    /// By bytes, which is how Twilio's libraries sort.
    private static func precedes(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }

    /// The URL with and without the port that its scheme has by default: either may have been signed.
    private static func writings(of url: String) -> [String] {
        guard let scheme = ["https", "http"].first(where: { url.hasPrefix($0 + "://") }) else { return [url] }
        let port = scheme == "https" ? ":443" : ":80"
        let rest = url.dropFirst(scheme.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        if authority.hasSuffix(port) { return [url, "\(scheme)://\(authority.dropLast(port.count))\(path)"] }
        let name = authority.split(separator: "]", omittingEmptySubsequences: false).last ?? authority
        return name.contains(":") ? [url] : [url, "\(scheme)://\(authority)\(port)\(path)"]
    }
}
