internal import Crypto
internal import RunnelKit

/// The signature of a webhook as Standard Webhooks 1.0.0 defines it.
enum WebhookSignature {
    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each key, a space between them.
    /// - Parameter timestamp: of the attempt, in seconds since 1970.
    static func header(keys: [[UInt8]], id: String, timestamp: Int64, body: [UInt8]) -> String {
        keys.map { key in
            var code = HMAC<SHA256>(key: SymmetricKey(data: key))
            code.update(data: Array("\(id).\(timestamp).".utf8))
            code.update(data: body)
            return "v1," + Base64.encode(Array(code.finalize()))
        }.joined(separator: " ")
    }
}
