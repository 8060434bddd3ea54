/// An encoding of a secret as a whole, which leaves none of its characters to be recognised.
enum SecretEncoding: Hashable, Sendable {
    /// At place `shift` (0, 1 or 2) in a group of three bytes.
    case base64(shift: Int, isURL: Bool)
    /// Base64 of a text that holds base64, in the middle of that or at its end.
    case base64Twice(inner: Int, outer: Int, isURL: Bool, isEnd: Bool)
    case hexadecimal(isUpper: Bool)
    /// The number that the secret reads as, as JSON writes it.
    case number(isWhole: Bool)

    static let all: [SecretEncoding] = {
        var all: [SecretEncoding] = []
        for isURL in [false, true] {
            for inner in 0..<3 {
                all.append(.base64(shift: inner, isURL: isURL))
                for outer in 0..<3 {
                    all.append(.base64Twice(inner: inner, outer: outer, isURL: isURL, isEnd: false))
                    all.append(.base64Twice(inner: inner, outer: outer, isURL: isURL, isEnd: true))
                }
            }
        }
        for isUpper in [false, true] { all.append(.hexadecimal(isUpper: isUpper)) }
        for isWhole in [true, false] { all.append(.number(isWhole: isWhole)) }
        return all
    }()

    /// How a reference in the journal names the encoding. It must never change.
    var id: String {
        switch self {
        case .base64(let shift, let isURL): "\(shift + (isURL ? 9 : 6))"
        case .base64Twice(let inner, let outer, let isURL, let isEnd):
            (isURL ? isEnd ? "U" : "u" : isEnd ? "T" : "t") + "\(inner)\(outer)"
        case .hexadecimal(let isUpper): isUpper ? "X" : "x"
        case .number(let isWhole): isWhole ? "i" : "d"
        }
    }

    static let byID = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })

    /// What every text contains that holds the secret in this encoding: without the characters of base64 that depend
    /// on a neighbour as well. Empty where there is nothing of the kind.
    func encode(_ secret: [UInt8]) -> [UInt8] {
        switch self {
        case .base64(let shift, let isURL): StableBase64(shift: shift, isURL: isURL).encode(secret).stable
        case .base64Twice: outerBase64(of: secret).stable
        case .hexadecimal(let isUpper):
            secret.flatMap { byte in
                [byte >> 4, byte & 15].map { $0 < 10 ? 0x30 + $0 : (isUpper ? 0x37 : 0x57) + $0 }
            }
        case .number(let isWhole): Self.number(secret, isWhole: isWhole)
        }
    }

    /// Whether the first bytes of the encoding follow from the first bytes of the secret.
    var isPrefixStable: Bool {
        if case .number = self { false } else { true }
    }

    /// What follows the encoded text where nothing follows the secret: a last character, which holds its last bits, and
    /// padding.
    func tail(of secret: [UInt8]) -> [UInt8] {
        switch self {
        case .base64(let shift, let isURL): StableBase64(shift: shift, isURL: isURL).encode(secret).tail
        case .base64Twice(_, _, _, isEnd: true): outerBase64(of: secret).tail
        case .base64Twice, .hexadecimal, .number: []
        }
    }

    private func outerBase64(of secret: [UInt8]) -> (stable: [UInt8], tail: [UInt8]) {
        guard case .base64Twice(let inner, let outer, let isURL, let isEnd) = self else { return ([], []) }
        let text = StableBase64(shift: inner, isURL: isURL).encode(secret)
        return StableBase64(shift: outer, isURL: isURL).encode(text.stable + (isEnd ? text.tail : []))
    }

    private static func number(_ secret: [UInt8], isWhole: Bool) -> [UInt8] {
        guard secret.count <= 400, secret.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
            let number = Double(String(decoding: secret, as: UTF8.self)), number.isFinite
        else { return [] }
        guard isWhole else { return Array("\(number)".utf8) }
        if let exact = Int64(String(decoding: secret, as: UTF8.self)) ?? Int64(exactly: number) {
            return Array("\(exact)".utf8)
        }
        // A whole number that is too large for 64 bits, as jq writes it: 17 digits, and zeros.
        return number.rounded() == number ? Array(Self.digits(of: number).utf8) : []
    }

    /// The shortest digits that stand for the number, without an exponent.
    private static func digits(of number: Double) -> String {
        let parts = "\(number)".split(separator: "e")
        guard parts.count == 2, let exponent = Int(parts[1]) else { return "" }
        let mantissa = parts[0].split(separator: ".")
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? String(mantissa[1]) : ""
        return String(mantissa[0]) + fraction + String(repeating: "0", count: max(0, exponent - fraction.count))
    }
}

/// Base64 (RFC 4648) of bytes at some place of a longer text.
struct StableBase64 {
    /// How many bytes stand before them in their group of three.
    let shift: Int
    let isURL: Bool

    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlSafe = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The characters that depend on these bytes alone; and what follows them where the text ends there.
    func encode(_ bytes: [UInt8]) -> (stable: [UInt8], tail: [UInt8]) {
        let alphabet = isURL ? Self.urlSafe : Self.standard
        let bits = bytes.count * 8
        var bit = (6 - shift * 8 % 6) % 6
        var output: [UInt8] = []
        output.reserveCapacity(bits / 6)
        func sextet(_ bit: Int) -> UInt8 {
            let pair = UInt16(bytes[bit / 8]) << 8 | (bit / 8 + 1 < bytes.count ? UInt16(bytes[bit / 8 + 1]) : 0)
            return alphabet[Int(pair >> UInt16(10 - bit % 8) & 63)]
        }
        while bit + 6 <= bits {
            output.append(sextet(bit))
            bit += 6
        }
        guard bit < bits else { return (output, []) }
        let padding = 3 - (shift + bytes.count) % 3
        return (output, [sextet(bit)] + Array(repeating: UInt8(ascii: "="), count: padding))
    }
}
