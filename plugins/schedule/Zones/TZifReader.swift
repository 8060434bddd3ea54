/// Reads a time zone in the TZif format: RFC 8536, version 1 and later.
struct TZifReader {
    /// Why the bytes are no time zone, as the second half of a sentence that begins with the file's name.
    struct Failure: Error, Hashable {
        let reason: String
    }

    private struct Header {
        /// Whether the same follows once more with times of 64 bits.
        let isRepeated: Bool
        let standardIndicators, utcIndicators, leapSeconds, transitions, types, characters: Int

        /// The bytes of the data block, whose times take `timeSize` bytes each.
        func size(timeSize: Int) -> Int {
            transitions * (timeSize + 1) + types * 6 + characters + leapSeconds * (timeSize + 4) + standardIndicators
                + utcIndicators
        }
    }

    private let bytes: [UInt8]
    private var index = 0

    static func rules(_ bytes: [UInt8]) throws(Failure) -> ZoneRules {
        var reader = TZifReader(bytes: bytes)
        return try reader.read()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func read() throws(Failure) -> ZoneRules {
        let first = try header()
        guard first.isRepeated else { return try block(first, timeSize: 4, hasRule: false) }
        // The first block repeats, in 32 bits, what the second says better.
        index += first.size(timeSize: 4)
        return try block(try header(), timeSize: 8, hasRule: true)
    }

    private mutating func header() throws(Failure) -> Header {
        guard try take(4).elementsEqual("TZif".utf8) else { throw Failure(reason: "is no time zone file") }
        let version = try take(1).first ?? 0
        _ = try take(15)
        let counts = try (0..<6).map { _ throws(Failure) in Int(try integer(4)) }
        guard counts.allSatisfy({ (0...100_000).contains($0) }) else {
            throw Failure(reason: "says sizes that cannot be")
        }
        return Header(
            isRepeated: version >= UInt8(ascii: "2"), standardIndicators: counts[1],
            utcIndicators: counts[0], leapSeconds: counts[2], transitions: counts[3], types: counts[4],
            characters: counts[5])
    }

    private mutating func block(_ header: Header, timeSize: Int, hasRule: Bool) throws(Failure) -> ZoneRules {
        // Their times count seconds that no Unix clock counts.
        guard header.leapSeconds == 0 else { throw Failure(reason: "counts leap seconds, which is not supported") }
        let end = index + header.size(timeSize: timeSize)
        guard end <= bytes.count else { throw Failure(reason: "ends too soon") }
        let transitions = try (0..<header.transitions).map { _ throws(Failure) in try integer(timeSize) }
        let kinds = Array(try take(header.transitions))
        let types = try (0..<header.types).map { _ throws(Failure) in
            let offset = try integer(4)
            _ = try take(2)
            return offset
        }
        guard let firstOffset = types.first, kinds.allSatisfy({ Int($0) < types.count }),
            zip(transitions, transitions.dropFirst()).allSatisfy(<),
            types.allSatisfy({ (-93_600...93_600).contains($0) })
        else { throw Failure(reason: "is damaged") }
        index = end
        return ZoneRules(
            transitions: transitions, offsets: kinds.map { types[Int($0)] }, firstOffset: firstOffset,
            rule: hasRule ? try footer() : nil)
    }

    private mutating func footer() throws(Failure) -> PosixZone? {
        guard try take(1).first == UInt8(ascii: "\n") else { throw Failure(reason: "is damaged") }
        let text = bytes[index...].prefix { $0 != UInt8(ascii: "\n") }
        guard !text.isEmpty else { return nil }
        guard let rule = PosixZone(String(decoding: text, as: UTF8.self)) else {
            throw Failure(reason: "ends with a rule that cannot be read")
        }
        return rule
    }

    /// A big-endian integer of 4 or 8 bytes.
    private mutating func integer(_ size: Int) throws(Failure) -> Int64 {
        let bits = try take(size).reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) }
        return size == 4 ? Int64(Int32(truncatingIfNeeded: bits)) : Int64(bitPattern: bits)
    }

    private mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
        guard count <= bytes.count - index else { throw Failure(reason: "ends too soon") }
        defer { index += count }
        return bytes[index..<index + count]
    }
}
