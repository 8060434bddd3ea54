internal import Crypto
internal import RunnelKit

/// What an HMAC (RFC 2104) is made with.
enum HashAlgorithm: String, FieldChoice {
    case sha1, sha256, sha384, sha512

    /// The code over the parts, one behind the other.
    func code(key: [UInt8], _ parts: [[UInt8]]) -> [UInt8] {
        switch self {
        case .sha1: Self.code(Insecure.SHA1.self, key, parts)
        case .sha256: Self.code(SHA256.self, key, parts)
        case .sha384: Self.code(SHA384.self, key, parts)
        case .sha512: Self.code(SHA512.self, key, parts)
        }
    }

    private static func code<H: HashFunction>(_ hash: H.Type, _ key: [UInt8], _ parts: [[UInt8]]) -> [UInt8] {
        var code = HMAC<H>(key: SymmetricKey(data: key))
        for part in parts { code.update(data: part) }
        return Array(code.finalize())
    }
}
