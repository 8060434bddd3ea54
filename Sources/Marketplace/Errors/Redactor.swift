/// Takes secrets out of text that came from elsewhere.
///
/// A server may echo what it was sent: as it is, percent-encoded (wholly or in part), JSON-escaped, or inside base64.
/// All these forms are replaced, also where they are part of a longer string.
struct Redactor: Sendable {
    /// What stands in a secret's place.
    static let mask = "[hidden]"

    private let secrets: [String]

    init(secrets: [String]) {
        // The longest first: a secret may contain another.
        self.secrets = secrets.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
    }

    func redact(_ text: String) -> String {
        guard !secrets.isEmpty, !text.isEmpty else { return text }
        var bytes = Array(text.utf8)
        for secret in secrets {
            let plain = Array(secret.utf8)
            bytes = Self.mask(plain, in: bytes)
            // Encoded forms of very short strings are too short to be told from other text.
            guard plain.count >= 4 else { continue }
            for form in Self.encodedForms(plain, secret) { bytes = Self.mask(form, in: bytes) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func redact(_ text: String?) -> String? {
        text.map { redact($0) }
    }

    private static func encodedForms(_ plain: [UInt8], _ secret: String) -> Set<[UInt8]> {
        var forms: Set<[UInt8]> = []
        for alphabet in [Base64.standard, Base64.urlSafe] {
            for offset in 0..<3 { forms.insert(Base64.stablePart(of: plain, offset: offset, alphabet: alphabet)) }
        }
        var literal: [UInt8] = []
        JSONEscape.encode(secret, into: &literal)
        forms.insert(Array(literal.dropFirst().dropLast()))
        forms.insert(plain.flatMap { $0 == UInt8(ascii: "/") ? Array(#"\/"#.utf8) : [$0] })
        return forms.filter { !$0.isEmpty && $0 != plain }
    }

    /// Replaces each place that reads as `needle`, where `%41` reads as `A` and, in an encoded place, `+` as a space.
    private static func mask(_ needle: [UInt8], in text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if let end = match(needle, in: text, at: position) {
                output.append(contentsOf: mask.utf8)
                position = end
            } else {
                output.append(text[position])
                position += 1
            }
        }
        return output
    }

    private static func match(_ needle: [UInt8], in text: [UInt8], at start: Int) -> Int? {
        var position = start
        for byte in needle {
            guard position < text.count else { return nil }
            if text[position] == byte {
                position += 1
            } else if text[position] == UInt8(ascii: "%"), let decoded = hexPair(text, at: position + 1),
                decoded == byte
            {
                position += 3
            } else if byte == UInt8(ascii: " "), text[position] == UInt8(ascii: "+") {
                position += 1
            } else {
                return nil
            }
        }
        return position
    }

    private static func hexPair(_ text: [UInt8], at position: Int) -> UInt8? {
        guard position + 2 <= text.count else { return nil }
        return UInt8(String(decoding: text[position..<(position + 2)], as: UTF8.self), radix: 16)
    }
}

/// Base64 (RFC 4648), as far as finding a secret in it needs.
enum Base64 {
    static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    static let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The characters that every encoding has which contains the bytes `offset` (0, 1 or 2) bytes behind a multiple of
    /// three: those that depend on no neighbour.
    static func stablePart(of bytes: [UInt8], offset: Int, alphabet: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        let bits = bytes.count * 8
        // The first bit of each character, counted from the start of `bytes`; whole characters only.
        var bit = (6 - (offset * 8) % 6) % 6
        while bit + 6 <= bits {
            var value: UInt8 = 0
            for index in bit..<(bit + 6) {
                value = value << 1 | (bytes[index / 8] >> UInt8(7 - index % 8) & 1)
            }
            output.append(alphabet[Int(value)])
            bit += 6
        }
        return output
    }
}
