/// Percent-encoding (RFC 3986, section 2.1).
package enum PercentEncoding {
    /// Allowed unencoded in a path beside letters and digits.
    package static let path = Set("-._~!$&'()*+,;=:@/".utf8)
    /// Allowed unencoded in a query.
    package static let query = path.union("?".utf8)
    /// Allowed everywhere in a URL beside letters and digits (RFC 3986, section 2.3).
    package static let unreserved = Set("-._~".utf8)
    /// Allowed unencoded in one key or value of a form (WHATWG URL, section 5.2).
    package static let form = Set("-._*".utf8)

    /// Encodes what is not allowed. A `%` that already encodes something stays.
    package static func complete(_ text: some StringProtocol, allowed: Set<UInt8>) -> String {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            let isEscape =
                byte == UInt8(ascii: "%") && index + 2 < bytes.count && hex(bytes[index + 1]) != nil
                && hex(bytes[index + 2]) != nil
            if isEscape || isAlphanumeric(byte) || allowed.contains(byte) {
                output.append(byte)
            } else {
                append(byte, to: &output)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Encodes everything but letters, digits and what is allowed.
    package static func encode(_ text: String, allowed: Set<UInt8>) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            if isAlphanumeric(byte) || allowed.contains(byte) { output.append(byte) } else { append(byte, to: &output) }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Encodes a key or value for `application/x-www-form-urlencoded`, or for a query with `%20` for a space.
    package static func encode(_ text: String, spaceAsPlus: Bool) -> String {
        let encoded = encode(text, allowed: form)
        return spaceAsPlus ? encoded.replacing("%20", with: "+") : encoded
    }

    /// Decodes what is encoded. A `%` that encodes nothing stays.
    package static func decode(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hex(bytes[index + 1]),
                let low = hex(bytes[index + 2])
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func append(_ byte: UInt8, to output: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        let scalar = Unicode.Scalar(byte)
        return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.flatMap { byte < 0x80 ? UInt8($0) : nil }
    }
}

/// Decodes percent-encoding in a URL (RFC 3986, section 2.1).
package enum PercentDecoding {
    /// nil if a `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8.
    package static func text(_ encoded: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = encoded.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The same path with the encoded characters decoded that need no encoding: letters, digits, `-`, `.`, `_` and `~`.
    /// URLs that differ in these alone are equivalent (RFC 3986, section 6.2.2.2).
    package static func normalized(_ path: String) -> String {
        let encoded = path.utf8
        guard encoded.contains(UInt8(ascii: "%")) else { return path }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.count)
        var rest = encoded[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(digit),
                let low = rest.dropFirst().first.flatMap(digit), isUnreserved(high << 4 | low)
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
