/// A hash that is the same in every run and on every machine (FNV-1a, 64 bits), unlike `Hasher`.
struct StableHash: Sendable, Equatable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Of several parts, told apart: ("a", "b") and ("ab", "") differ.
    init(_ parts: String...) { self.init(parts) }

    init(_ parts: [String]) {
        for part in parts {
            for byte in part.utf8 { mix(byte) }
            mix(0xFF)
        }
        // FNV's low bits of short inputs are alike; this spreads them (the finalizer of MurmurHash3).
        value ^= value >> 33
        value &*= 0xFF51_AFD7_ED55_8CCD
        value ^= value >> 33
    }

    /// From zero up to, but not including, `bound`; 0 when there is no room.
    func index(below bound: Int) -> Int { bound > 1 ? Int(value % UInt64(bound)) : 0 }

    private mutating func mix(_ byte: UInt8) {
        value ^= UInt64(byte)
        value &*= 0x0000_0100_0000_01B3
    }

    /// A UUID made of the parts alone (RFC 9562, section 5.8: version 8, for custom content).
    static func uuid(_ parts: String...) -> String {
        let high = StableHash(parts + ["high"]).value & ~0xF000 | 0x8000
        let low = StableHash(parts + ["low"]).value & ~(0b11 << 62) | 0b10 << 62
        let digits = Array(hexadecimal(high) + hexadecimal(low))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }

    static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
