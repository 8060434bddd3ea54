/// An incremental 128-bit hash of a file's content: MurmurHash3 (x64, 128 bits, seed 0) by Austin Appleby, as described
/// at https://github.com/aappleby/smhasher.
///
/// It is not cryptographic: someone who can write the file could craft a collision, but would only keep their own
/// second file from being processed.
struct ContentHash: Sendable {
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var length: UInt64 = 0
    /// An incomplete block.
    private var rest: [UInt8] = []

    private static let blockSize = 16
    private static let factors: (UInt64, UInt64) = (0x87C3_7B91_1142_53D5, 0x4CF5_AD43_2745_937F)

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        length &+= UInt64(bytes.count)
        var offset = 0
        if !rest.isEmpty {
            offset = min(Self.blockSize - rest.count, bytes.count)
            rest += bytes[..<offset]
            guard rest.count == Self.blockSize else { return }
            let block = rest
            rest = []
            block.withUnsafeBytes { mix($0, at: 0) }
        }
        while offset + Self.blockSize <= bytes.count {
            mix(bytes, at: offset)
            offset += Self.blockSize
        }
        rest = Array(bytes[offset...])
    }

    private mutating func mix(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        let low = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        let high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        first ^= Self.scrambledLow(low)
        first = (first.rotated(27) &+ second) &* 5 &+ 0x52DC_E729
        second ^= Self.scrambledHigh(high)
        second = (second.rotated(31) &+ first) &* 5 &+ 0x3849_5AB5
    }

    /// The hash of all bytes so far, as 32 hexadecimal digits.
    var digest: String {
        var (first, second) = (first, second)
        var tail: (low: UInt64, high: UInt64) = (0, 0)
        for (index, byte) in rest.enumerated() {
            if index < 8 {
                tail.low |= UInt64(byte) << (8 * index)
            } else {
                tail.high |= UInt64(byte) << (8 * index - 64)
            }
        }
        second ^= Self.scrambledHigh(tail.high)
        first ^= Self.scrambledLow(tail.low)
        first ^= length
        second ^= length
        first &+= second
        second &+= first
        first = Self.finalized(first)
        second = Self.finalized(second)
        first &+= second
        second &+= first
        return Self.hex(first) + Self.hex(second)
    }

    private static func scrambledLow(_ value: UInt64) -> UInt64 { (value &* factors.0).rotated(31) &* factors.1 }
    private static func scrambledHigh(_ value: UInt64) -> UInt64 { (value &* factors.1).rotated(33) &* factors.0 }

    private static func finalized(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
        value = (value ^ value >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return value ^ value >> 33
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension UInt64 {
    fileprivate func rotated(_ bits: UInt64) -> UInt64 { self << bits | self >> (64 - bits) }
}

/// The metadata that shows without reading a file whether it has changed.
struct FileStatus: Sendable, Hashable {
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    var inode: UInt64
}
