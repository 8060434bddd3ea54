/// The `webhook-id` of an effect.
enum WebhookID {
    /// The key itself where a header can hold it; other characters are percent-encoded.
    static func text(_ key: String) -> String {
        key.utf8.map { byte in
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "%") { return String(Unicode.Scalar(byte)) }
            let hex = String(byte, radix: 16, uppercase: true)
            return (hex.count == 1 ? "%0" : "%") + hex
        }.joined()
    }
}
