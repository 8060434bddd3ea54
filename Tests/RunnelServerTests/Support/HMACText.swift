import Crypto

/// Signs as senders of webhooks do.
enum HMACText {
    /// HMAC-SHA256 in hexadecimal.
    static func sha256(_ text: String, key: String) -> String {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: Array(key.utf8)))
            .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
