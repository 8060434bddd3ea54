/// The escapes of JSON strings (RFC 8259, section 7).
package enum JSONEscape {
    /// The byte that a one-letter escape stands for.
    @inline(__always)
    static func single(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// The UTF-16 code unit that four hexadecimal digits spell.
    static func hexUnit(_ bytes: UnsafeRawBufferPointer, at position: Int) -> UInt16? {
        guard position + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[position..<(position + 4)] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// Appends the UTF-8 of a string's content whose escapes were found valid. Half a surrogate pair becomes U+FFFD.
    /// - Parameter keepingHalves: A low surrogate at the very start and a high one at the very end are kept as three
    ///   bytes each (WTF-8): the other half may stand in the string before or behind.
    package static func decode(
        _ content: UnsafeRawBufferPointer, into output: inout [UInt8], keepingHalves: Bool = false
    ) {
        var position = 0
        while position < content.count {
            guard content[position] == UInt8(ascii: "\\"), position + 1 < content.count else {
                let start = position
                repeat { position += 1 } while position < content.count && content[position] != UInt8(ascii: "\\")
                output.append(contentsOf: UnsafeRawBufferPointer(rebasing: content[start..<position]))
                continue
            }
            if let byte = single(content[position + 1]) {
                output.append(byte)
                position += 2
                continue
            }
            let unit = hexUnit(content, at: position + 2) ?? 0xFFFD
            position += 6
            if UTF16.isLeadSurrogate(unit), position + 1 < content.count, content[position] == UInt8(ascii: "\\"),
                content[position + 1] == UInt8(ascii: "u"), let trail = hexUnit(content, at: position + 2),
                UTF16.isTrailSurrogate(trail)
            {
                position += 6
                append(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00), to: &output)
            } else if keepingHalves,
                UTF16.isTrailSurrogate(unit) && position == 6
                    || UTF16.isLeadSurrogate(unit) && position == content.count
            {
                output.append(0xED)
                output.append(0x80 | UInt8(unit >> 6 & 0x3F))
                output.append(0x80 | UInt8(unit & 0x3F))
            } else {
                append(UInt32(unit), to: &output)
            }
        }
    }

    private static func append(_ value: UInt32, to output: inout [UInt8]) {
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
