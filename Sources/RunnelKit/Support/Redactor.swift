/// Masks secrets in texts that a person or a log will see.
///
/// A secret is found whole or inside a longer text, as it is and in the forms it takes when Runnel writes it
/// elsewhere: percent-encoded, form-encoded, escaped for JSON, and base64 at any of its three alignments.
public struct Redactor: Sendable {
    /// What stands in the place of a secret.
    public static let mask = "***"
    /// Shorter secrets would mask half of every text, so they are refused by the configuration instead.
    public static let minimumLength = 4

    /// By first byte, the longest first, so that a form that contains another wins.
    private var patterns: [UInt8: [[UInt8]]] = [:]
    /// In bytes; 0 when there is nothing to mask.
    private(set) var longestPattern = 0

    public init(secrets: some Sequence<String> = []) {
        var forms: Set<[UInt8]> = []
        for secret in secrets where secret.utf8.count >= Self.minimumLength {
            for form in Self.forms(of: secret) where form.count >= Self.minimumLength { forms.insert(form) }
        }
        for form in forms { patterns[form[0], default: []].append(form) }
        patterns = patterns.mapValues { $0.sorted { $0.count > $1.count } }
        longestPattern = forms.map(\.count).max() ?? 0
    }

    public var isEmpty: Bool { patterns.isEmpty }

    /// The text with every secret replaced by ``mask``.
    public func redact(_ text: String) -> String {
        guard !isEmpty else { return text }
        let bytes = Array(text.utf8)
        let output = redact(bytes)
        return output == bytes ? text : String(decoding: output, as: UTF8.self)
    }

    /// The value with every string and key in it redacted.
    public func redact(_ value: Value) -> Value {
        guard !isEmpty else { return value }
        switch value {
        case .string(let text): return .string(redact(text))
        case .bytes(let bytes): return .bytes(redact(bytes))
        case .list(let items): return .list(items.map(redact))
        case .object(let object): return .object(ValueObject(object.map { (redact($0.key), redact($0.value)) }))
        case .null, .bool, .int, .double: return value
        }
    }

    private func redact(_ bytes: [UInt8]) -> [UInt8] {
        var covered = 0
        return redact(bytes, upTo: bytes.count, covered: &covered)
    }

    /// Redacts the bytes before `limit`. Where secrets overlap, all that any of them covers goes behind one mask.
    ///
    /// - Parameter covered: How many bytes from the start on belong to a secret that began earlier; afterwards, how
    ///   many from `limit` on.
    func redact(_ bytes: [UInt8], upTo limit: Int, covered: inout Int) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(limit)
        for index in 0..<limit {
            if let length = patterns[bytes[index]]?.first(where: { bytes[index...].starts(with: $0) })?.count {
                if covered == 0 { output.append(contentsOf: Self.mask.utf8) }
                covered = max(covered, length)
            }
            if covered > 0 { covered -= 1 } else { output.append(bytes[index]) }
        }
        return output
    }

    /// Whether some form of a secret begins with all of `bytes` and goes on behind them.
    func isBeginningOfSecret(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, let candidates = patterns[first] else { return false }
        return candidates.contains { $0.count > bytes.count && $0.starts(with: bytes) }
    }

    static func forms(of secret: String) -> [[UInt8]] {
        let bytes = Array(secret.utf8)
        let json = Value.string(secret).jsonBytes()
        let base64 = base64Forms(of: bytes)
        let base64URL = base64.map { $0.map { [0x2B: 0x2D, 0x2F: 0x5F][$0] ?? $0 } }
        return [
            bytes, Array(json.dropFirst().dropLast()),
            percentEncoded(bytes, keeping: "-._~", space: "%20", upper: true),
            percentEncoded(bytes, keeping: "-._~", space: "%20", upper: false),
            percentEncoded(bytes, keeping: "-._~!$&'()*+,;=:@/?", space: "%20", upper: true),
            percentEncoded(bytes, keeping: "-._*", space: "+", upper: true),
        ] + base64 + base64URL
    }

    /// The characters of base64 that depend on the secret alone, for each place it can have in its group of three.
    private static func base64Forms(of bytes: [UInt8]) -> [[UInt8]] {
        (0..<3).map { shift in
            let text = Array(Base64.encode(repeatElement(0, count: shift) + bytes).utf8)
            let start = (shift * 8 + 5) / 6
            let end = (shift + bytes.count) * 8 / 6
            return Array(text[start..<max(start, end)])
        }
    }

    private static func percentEncoded(_ bytes: [UInt8], keeping kept: String, space: String, upper: Bool) -> [UInt8] {
        let kept = Set(kept.utf8)
        return bytes.flatMap { byte -> [UInt8] in
            let scalar = Unicode.Scalar(byte)
            if byte == 0x20 { return Array(space.utf8) }
            if scalar.isASCII, Character(scalar).isLetter || Character(scalar).isNumber || kept.contains(byte) {
                return [byte]
            }
            let hex = String(byte, radix: 16, uppercase: upper)
            return Array((hex.utf8.count == 1 ? "%0" : "%").utf8) + Array(hex.utf8)
        }
    }
}
