internal import Crypto
internal import RunnelHTTP
internal import RunnelKit

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
