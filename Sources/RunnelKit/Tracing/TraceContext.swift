internal import RunnelSupport

/// The place in a distributed trace, as W3C Trace Context carries it from one program to the next.
///
///     traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
///     tracestate: vendor=opaque
public struct TraceContext: Sendable, Hashable {
    /// 32 hexadecimal digits in lower case, not all of them zero.
    public let traceID: String
    /// The span that the next one has as its parent: 16 hexadecimal digits in lower case, not all of them zero.
    public let spanID: String
    /// Whether the spans of the trace are recorded.
    public let isSampled: Bool
    /// What tracing systems add of their own (`tracestate`); nil where there is none.
    public let state: String?
    /// Whether the last 56 bits of the trace's id are random, so that they can decide about sampling.
    private let isRandom: Bool

    /// The names of the header fields.
    public static let fields = (parent: "traceparent", state: "tracestate")

    /// Reads the values of the header fields `traceparent` and `tracestate`.
    ///
    /// - Returns: nil for a `traceparent` that is malformed or has an id of zeros: a new trace begins then. A malformed
    ///   `tracestate` is left out.
    public init?(traceparent: String, tracestate: String? = nil) {
        let bytes = Array(traceparent.utf8)
        // version "-" trace-id "-" parent-id "-" trace-flags; later versions may append fields.
        guard bytes.count >= 55, [2, 35, 52].allSatisfy({ bytes[$0] == UInt8(ascii: "-") }),
            let version = Self.byte(bytes[0..<2]), version != 0xFF, let flags = Self.byte(bytes[53..<55]),
            version == 0 ? bytes.count == 55 : bytes.count == 55 || bytes[55] == UInt8(ascii: "-"),
            let traceID = Self.id(bytes[3..<35]), let spanID = Self.id(bytes[36..<52])
        else { return nil }
        (self.traceID, self.spanID) = (traceID, spanID)
        (isSampled, isRandom) = (flags & 1 != 0, flags & 2 != 0)
        state = tracestate.flatMap(Self.state)
    }

    /// - Parameter spanID: Is not checked.
    private init(_ other: TraceContext, spanID: String, isSampled: Bool) {
        (traceID, isRandom, state) = (other.traceID, other.isRandom, other.state)
        (self.spanID, self.isSampled) = (spanID, isSampled)
    }

    /// The trace of a run that came without one. It is made of the run's id, so that each life of the run has the same.
    ///
    /// A UUID of version 7 is a trace id as it stands: its last 56 bits are random. It is not marked as sampled.
    package init(runID: String) {
        // On an array, because `filter` of a string's bytes is slow.
        let digits = Array(runID.utf8).filter { $0 != UInt8(ascii: "-") }
        let own = digits.count == 32 ? Self.id(digits[...]) : nil
        let traceID =
            own ?? Self.hash(runID, seed: 0xCBF2_9CE4_8422_2325) + Self.hash(runID, seed: 0x9E37_79B9_7F4A_7C15)
        self.traceID = traceID
        let half = traceID.utf8.suffix(16)
        spanID =
            half.allSatisfy { $0 == UInt8(ascii: "0") } ? "0000000000000001" : String(decoding: half, as: UTF8.self)
        (isSampled, isRandom, state) = (false, own != nil, nil)
    }

    /// The value of the header field `traceparent`.
    public var traceparent: String {
        "00-\(traceID)-\(spanID)-0\((isSampled ? 1 : 0) + (isRandom ? 2 : 0))"
    }

    /// The header fields for a request.
    public var headers: [(name: String, value: String)] {
        [(Self.fields.parent, traceparent)] + (state.map { [(Self.fields.state, $0)] } ?? [])
    }

    /// The variables for a program: `TRACEPARENT` and `TRACESTATE`.
    public var environment: [String: String] {
        var variables = ["TRACEPARENT": traceparent]
        variables["TRACESTATE"] = state
        return variables
    }

    /// Another span of the same trace.
    ///
    /// - Parameter spanID: 16 hexadecimal digits in lower case, not all of them zero. It is not checked.
    package func with(spanID: String, isSampled: Bool) -> TraceContext {
        TraceContext(self, spanID: spanID, isSampled: isSampled)
    }

    // MARK: - In a run

    /// The trace context in the fields of a trigger; nil where there is none.
    package init?(trigger: Value) {
        guard let parent = trigger[Self.fields.parent]?.asString else { return nil }
        self.init(traceparent: parent, tracestate: trigger[Self.fields.state]?.asString)
    }

    /// The fields of a trigger's payload: `traceparent`, and `tracestate` where there is one.
    public var payload: ValueObject {
        ValueObject(headers.map { ($0.name, .string($0.value)) })
    }

    // MARK: - Reading

    /// Two hexadecimal digits in lower case.
    private static func byte(_ digits: ArraySlice<UInt8>) -> UInt8? {
        digits.allSatisfy(isDigit) ? UInt8(String(decoding: digits, as: UTF8.self), radix: 16) : nil
    }

    private static func id(_ digits: ArraySlice<UInt8>) -> String? {
        guard digits.allSatisfy(isDigit), digits.contains(where: { $0 != UInt8(ascii: "0") }) else { return nil }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    /// At most 32 members and 512 bytes, which is what every participant has to pass on.
    private static func state(_ text: String) -> String? {
        guard text.utf8.count <= 512 else { return nil }
        let members = text.split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
        guard !members.isEmpty, members.count <= 32 else { return nil }
        var keys: Set<Substring> = []
        for member in members {
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, isKey(parts[0]), isValue(parts[1]), keys.insert(parts[0]).inserted else {
                return nil
            }
        }
        return members.joined(separator: ",")
    }

    private static func isKey(_ key: Substring) -> Bool {
        guard (1...256).contains(key.utf8.count), let first = key.utf8.first else { return false }
        return (isLower(first) || isNumber(first))
            && key.utf8.allSatisfy { isLower($0) || isNumber($0) || "_-*/@".utf8.contains($0) }
    }

    private static func isValue(_ value: Substring) -> Bool {
        (1...256).contains(value.utf8.count)
            && value.utf8.allSatisfy {
                (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=")
            }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isNumber(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// FNV-1a, as 16 hexadecimal digits that are not all zero.
    private static func hash(_ text: String, seed: UInt64) -> String {
        let value = text.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(value == 0 ? 1 : value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
