internal import Crypto
internal import RunnelKit

/// Decides whether a call comes from somebody who may call.
protocol Verifier: Sendable {
    /// The header fields, in lower case, that carry the proof. They are not handed on.
    var proofHeaders: Set<String> { get }
    /// What a refused caller is told to bring (RFC 9110, section 11.6.1); nil where no standard names it.
    var challenge: String? { get }
    /// Whether the proof covers the body, so that there is none in a call that has no body.
    var coversBody: Bool { get }

    /// The id of the delivery that the proof covers; nil where the scheme signs none.
    func signedID(_ request: IngressRequest) -> String?

    /// - Parameter now: Seconds since 1970.
    func verify(_ request: IngressRequest, now: Int64) throws(VerificationFailure)
}

extension Verifier {
    var challenge: String? { nil }
    var coversBody: Bool { true }
    func signedID(_ request: IngressRequest) -> String? { nil }
}

/// Why a call was refused: for the log only. The words hold nothing that the caller sent.
struct VerificationFailure: Error, Hashable {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

extension IngressRequest {
    /// The value of a header field that has to be there once.
    func proof(_ name: String) throws(VerificationFailure) -> String {
        let values = headers[name]
        guard let value = values.first, !value.isEmpty else {
            throw VerificationFailure("the header \(name) is missing")
        }
        guard values.count == 1 else {
            throw VerificationFailure("the header \(name) stands there \(values.count) times")
        }
        return value
    }
}

/// How far the time in a signature may be from now.
struct ReplayWindow: Sendable {
    let tolerance: Duration

    /// Reads seconds since 1970.
    func check(_ text: some StringProtocol, now: Int64) throws(VerificationFailure) -> Int64 {
        guard text.utf8.count <= 12, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let time = Int64(text) else {
            throw VerificationFailure("the time stamp is not a number of seconds")
        }
        guard .seconds(abs(now - time)) <= tolerance else {
            let distance = DurationText.format(.seconds(abs(now - time)))
            throw VerificationFailure("the time stamp is \(distance) \(time < now ? "old" : "in the future")")
        }
        return time
    }
}

/// Accepts every call: `scheme: none`.
struct UnauthenticatedVerifier: Verifier {
    var proofHeaders: Set<String> { [] }
    var coversBody: Bool { false }

    func verify(_ request: IngressRequest, now: Int64) {}
}

/// How a signature is written.
enum CodeEncoding: String, FieldChoice {
    case hex, base64, base64url

    /// The bytes; nil for a text that is not in this encoding.
    func decode(_ text: some StringProtocol) -> [UInt8]? {
        switch self {
        case .hex: Self.hex(text)
        case .base64: Base64.decode(text)
        case .base64url:
            text.contains { $0 == "+" || $0 == "/" }
                ? nil : Base64.decode(String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }))
        }
    }

    private static func hex(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            if let first = high {
                bytes.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return bytes
    }
}

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

/// The name of a header field (RFC 9110, section 5.1), in lower case.
struct HeaderName: FieldValue {
    let name: String

    static var schema: Value { ["type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"] }

    init(field value: Value) throws(FieldError) {
        let name = try String(field: value)
        guard !name.isEmpty,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "!#$%&'*+-.^_`|~".contains($0)) })
        else {
            throw FieldError(
                "\(Value.string(name).quoted()) is not a header name",
                hint: "names hold letters, digits and hyphens, no spaces or colons")
        }
        self.name = name.lowercased()
    }
}
