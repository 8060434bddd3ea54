import Crypto
import LibC
import Synchronization

/// Creates run ids: UUIDs of version 7 (RFC 9562, section 5.7), which sort by creation time.
public enum UUIDv7 {
    /// - Parameter nanoseconds: The time since 1970, stored in the id in milliseconds.
    public static func make(
        nanoseconds: Int64, using generator: inout some RandomNumberGenerator
    ) -> String {
        let milliseconds = UInt64(max(0, nanoseconds / 1_000_000)) & 0xFFFF_FFFF_FFFF
        let high = milliseconds << 16 | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
        let low = 0x8000_0000_0000_0000 | (UInt64.random(in: .min ... .max, using: &generator) >> 2)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for index in 0..<16 {
            if (4...10).contains(index), index.isMultiple(of: 2) { text.append(UInt8(ascii: "-")) }
            text.append(hexadecimal: UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - index % 8 * 8)))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameters:
    ///   - nanoseconds: The time since 1970.
    ///   - key: Ids with the same key differ only in their time; nil for a random id. It must not contain secrets.
    public static func make(nanoseconds: Int64, key: String? = nil) -> String {
        guard let key else {
            var generator = BlockGenerator()
            return make(nanoseconds: nanoseconds, using: &generator)
        }
        var generator = HashGenerator(key)
        return make(nanoseconds: nanoseconds, using: &generator)
    }

    /// Whether both ids are the same, or were made with the same key.
    package static func haveSameKey(_ id: String, _ other: String) -> Bool {
        id.utf8.dropFirst(timeLength).elementsEqual(other.utf8.dropFirst(timeLength))
    }

    /// The length of the time at the beginning of an id, in characters.
    private static let timeLength = 13

    /// The numbers of the system's generator, of which it takes a block at a time: each time is a system call.
    private struct BlockGenerator: RandomNumberGenerator {
        private static let block = 32
        private static let rest = Mutex<[UInt64]>([])

        func next() -> UInt64 {
            let number = Self.rest.withLock { rest in
                if rest.isEmpty { rest = Self.numbers() }
                return rest.popLast()
            }
            return number ?? .random(in: .min ... .max)
        }

        /// Empty if the system has none.
        private static func numbers() -> [UInt64] {
            [UInt64](unsafeUninitializedCapacity: block) { buffer, count in
                guard let start = buffer.baseAddress else { return }
                count = getentropy(start, block * MemoryLayout<UInt64>.size) == 0 ? block : 0
            }
        }
    }

    /// Derives the random bits of an id from the hash of a key. The hash is enough for four numbers; an id takes two.
    private struct HashGenerator: RandomNumberGenerator {
        private var bytes: ArraySlice<UInt8>

        init(_ key: String) { bytes = ArraySlice(SHA256.hash(data: Array(key.utf8))) }

        mutating func next() -> UInt64 {
            defer { bytes = bytes.dropFirst(8) }
            return bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// Whether the text has the form of an id, as ``make(nanoseconds:key:)`` writes it.
    package static func matches(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension Sequence<UInt8> {
    /// Two digits for each byte, in lower case.
    package var hexadecimal: String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * underestimatedCount)
        for byte in self { text.append(hexadecimal: byte) }
        return String(decoding: text, as: UTF8.self)
    }
}

extension [UInt8] {
    fileprivate mutating func append(hexadecimal byte: UInt8) {
        append(Self.digit(byte >> 4))
        append(Self.digit(byte & 15))
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension String {
    /// The SHA-256 of the text in UTF-8, in hexadecimal.
    var sha256: String { SHA256.hash(data: Array(utf8)).hexadecimal }
}
