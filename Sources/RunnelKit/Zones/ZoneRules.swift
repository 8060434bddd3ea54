/// The UTC offsets of a time zone: a decoded TZif file (RFC 8536).
///
/// Times are seconds since 1970 (UTC). A local time is represented as the seconds since 1970 at which a UTC clock shows
/// the same time.
public struct ZoneRules: Hashable, Sendable {
    /// A period with one offset.
    public struct Period: Hashable, Sendable {
        /// The first second.
        public let start: Int64
        /// The first second after it.
        public let end: Int64
        /// The offset from UTC in seconds; positive east of Greenwich.
        public let offset: Int64
    }

    /// The times of offset changes, ascending.
    let transitions: [Int64]
    /// The offset after each transition.
    let offsets: [Int64]
    /// The offset before the first transition.
    let firstOffset: Int64
    /// The rule after the last transition; nil if the last offset stays.
    let rule: PosixZone?

    static let utc = ZoneRules(offset: 0)

    init(transitions: [Int64], offsets: [Int64], firstOffset: Int64, rule: PosixZone?) {
        self.transitions = transitions
        self.offsets = offsets
        self.firstOffset = firstOffset
        self.rule = rule
    }

    /// A zone with one offset for all times.
    ///
    /// - Parameter offset: The offset from UTC in seconds; positive east of Greenwich.
    public init(offset: Int64) {
        self.init(transitions: [], offsets: [], firstOffset: offset, rule: nil)
    }

    /// A zone that consists of a rule only, such as `TZ=JST-9`.
    init(_ rule: PosixZone) {
        self.init(transitions: [], offsets: [], firstOffset: rule.standardOffset, rule: rule)
    }

    /// The offset from UTC in seconds at a time; positive east of Greenwich.
    public func offset(at time: Int64) -> Int64 { period(at: time).offset }

    /// The period that contains `time`. Adjacent periods may have the same offset.
    public func period(at time: Int64) -> Period {
        // The number of transitions up to and including `time`.
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= time { low = middle + 1 } else { high = middle }
        }
        if low == transitions.count, let rule {
            let period = rule.period(at: time)
            guard low > 0 else { return period }
            return Period(start: max(period.start, transitions[low - 1]), end: period.end, offset: period.offset)
        }
        return Period(
            start: low == 0 ? .min : transitions[low - 1], end: low == transitions.count ? .max : transitions[low],
            offset: low == 0 ? firstOffset : offsets[low - 1])
    }

    /// An upper bound on the difference between any two offsets.
    private static let horizon: Int64 = 36 * 3600

    /// The first second at which the local time is `local` or, if it falls into a gap, later.
    ///
    /// A time inside a gap maps to the end of the gap; a repeated time maps to its first occurrence.
    public func firstTime(showing local: Int64) -> Int64 {
        var period = period(at: local - Self.horizon)
        while true {
            let time = max(local - period.offset, period.start)
            if time < period.end { return time }
            period = self.period(at: period.end)
        }
    }

    /// The latest local time reached up to and including `time`: later than the local time at `time` while an hour
    /// repeats.
    public func latestLocalTime(upTo time: Int64) -> Int64 {
        var latest = Int64.min
        var period = period(at: time - Self.horizon)
        while period.end <= time {
            latest = max(latest, period.end - 1 + period.offset)
            period = self.period(at: period.end)
        }
        return max(latest, time + period.offset)
    }
}

/// A time zone: its name and its rules.
public struct Zone: Hashable, Sendable {
    /// The name in the IANA database: `Asia/Tokyo`.
    public let name: String
    /// Its offsets from UTC.
    public let rules: ZoneRules

    /// A zone of these rules.
    public init(name: String, rules: ZoneRules) {
        self.name = name
        self.rules = rules
    }

    /// UTC.
    public static let utc = Zone(name: "UTC", rules: .utc)
}

extension Zone: FieldValue {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "examples": ["Asia/Tokyo", "Europe/Berlin", "UTC"]] }

    /// Reads the name of a zone of the machine's database.
    /// - Throws: A ``FieldError`` that quotes an unknown name, with the closest one.
    public init(field value: Value) throws(FieldError) {
        guard let name = value.asString else {
            throw .expected("the name of a time zone such as \"Asia/Tokyo\"", found: value)
        }
        self = try ZoneDatabase.system.zone(named: name)
    }

    /// How the value is shown as a default.
    public var fieldDefault: Value? { .string(name) }
}

extension Zone {
    /// The machine's local zone: `TZ`, else `/etc/localtime`, else UTC.
    /// - Throws: A ``FieldError`` for a zone that cannot be read.
    public static func local() throws(FieldError) -> Zone { try ZoneDatabase.local() }
}

/// Decodes the TZif format: RFC 8536, version 1 and later.
struct TZifReader {
    /// The reason why the bytes are not a time zone, as a predicate to follow the file's name.
    struct Failure: Error, Hashable {
        let reason: String
    }

    private struct Header {
        /// Whether a second block with 64-bit times follows.
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
        // Skips the 32-bit block, whose data the 64-bit block repeats.
        index += first.size(timeSize: 4)
        return try block(try header(), timeSize: 8, hasRule: true)
    }

    private mutating func header() throws(Failure) -> Header {
        guard try take(4).elementsEqual("TZif".utf8) else { throw Failure(reason: "is not a time zone file") }
        let version = try take(1).first ?? 0
        _ = try take(15)
        let counts = try (0..<6).map { _ throws(Failure) in Int(try integer(4)) }
        guard counts.allSatisfy({ (0...100_000).contains($0) }) else {
            throw Failure(reason: "has invalid sizes")
        }
        return Header(
            isRepeated: version >= UInt8(ascii: "2"), standardIndicators: counts[1],
            utcIndicators: counts[0], leapSeconds: counts[2], transitions: counts[3], types: counts[4],
            characters: counts[5])
    }

    private mutating func block(_ header: Header, timeSize: Int, hasRule: Bool) throws(Failure) -> ZoneRules {
        // Such files count leap seconds, unlike Unix time.
        guard header.leapSeconds == 0 else { throw Failure(reason: "counts leap seconds, which is not supported") }
        let end = index + header.size(timeSize: timeSize)
        guard end <= bytes.count else { throw Failure(reason: "is truncated") }
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
            throw Failure(reason: "ends with an invalid rule")
        }
        return rule
    }

    /// A big-endian integer of 4 or 8 bytes.
    private mutating func integer(_ size: Int) throws(Failure) -> Int64 {
        let bits = try take(size).reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) }
        return size == 4 ? Int64(Int32(truncatingIfNeeded: bits)) : Int64(bitPattern: bits)
    }

    private mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
        guard count <= bytes.count - index else { throw Failure(reason: "is truncated") }
        defer { index += count }
        return bytes[index..<index + count]
    }
}
