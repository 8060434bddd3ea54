import Crypto

/// Creates run ids: UUIDs of version 7 (RFC 9562, section 5.7), which sort by creation time.
public enum UUIDv7 {
    /// - Parameter nanoseconds: The time since 1970, stored in the id in milliseconds.
    public static func make(
        nanoseconds: Int64, using generator: inout some RandomNumberGenerator
    ) -> String {
        let milliseconds = UInt64(max(0, nanoseconds / 1_000_000)) & 0xFFFF_FFFF_FFFF
        let high = milliseconds << 16 | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
        let low = 0x8000_0000_0000_0000 | (UInt64.random(in: .min ... .max, using: &generator) >> 2)
        let digits = hex(high) + hex(low)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text += "-" }
            text.append(digit)
        }
        return text
    }

    /// - Parameter nanoseconds: The time since 1970.
    public static func make(nanoseconds: Int64) -> String {
        var generator = SystemRandomNumberGenerator()
        return make(nanoseconds: nanoseconds, using: &generator)
    }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Sequence<UInt8> {
    /// Two digits for each byte, in lower case.
    package var hexadecimal: String {
        var text = ""
        for byte in self { text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }
        return text
    }
}

extension String {
    /// The SHA-256 of the text in UTF-8, in hexadecimal.
    var sha256: String { SHA256.hash(data: Array(utf8)).hexadecimal }
}
