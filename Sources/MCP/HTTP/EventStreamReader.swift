internal import RunnelProcess

/// Extracts the data of events from a stream of server-sent events. Pure.
///
/// - SeeAlso: WHATWG HTML, "Server-sent events", "Parsing an event stream".
struct EventStreamReader: Sendable {
    struct TooLong: Error, Hashable {}

    private var lines: LineSplitter
    private var data: [UInt8]?
    private let limit: Int
    private var endedWithReturn = false
    private var isAtStart = true

    /// - Parameter limit: The maximum size of an event in bytes.
    init(limit: Int) {
        self.limit = limit
        lines = LineSplitter(limit: limit)
    }

    /// Appends bytes; returns the data of completed events.
    mutating func append(_ bytes: [UInt8]) throws(TooLong) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var whole: [[UInt8]] = []
        do {
            // CR also ends a line; CR LF is one line end.
            try normalised(bytes).withUnsafeBytes { try lines.append($0) { line, _ in whole.append(line) } }
        } catch {
            throw TooLong()
        }
        for line in whole {
            if let event = try take(line) { found.append(event) }
        }
        return found
    }

    /// The data of an incomplete last event; nil if there is none. Some servers close the body right after their
    /// answer, without a blank line.
    mutating func finish() throws(TooLong) -> [UInt8]? {
        if let (line, _) = lines.finish() { _ = try take(line) }
        return try take([])
    }

    /// Processes a line; returns the data of the event that it ends.
    private mutating func take(_ line: [UInt8]) throws(TooLong) -> [UInt8]? {
        var line = line
        if isAtStart, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        isAtStart = false
        if line.isEmpty {
            defer { data = nil }
            return data?.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 } == true ? nil : data
        }
        guard line.starts(with: "data".utf8) else { return nil }
        var rest = line.dropFirst(4)
        guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { return nil }
        rest = rest.dropFirst()
        if rest.first == 0x20 { rest = rest.dropFirst() }
        data = data.map { $0 + [0x0A] + rest } ?? Array(rest)
        if (data?.count ?? 0) > limit { throw TooLong() }
        return nil
    }

    private mutating func normalised(_ bytes: [UInt8]) -> [UInt8] {
        guard endedWithReturn || bytes.contains(0x0D) else { return bytes }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        for byte in bytes {
            if !(byte == 0x0A && endedWithReturn) { output.append(byte == 0x0D ? 0x0A : byte) }
            endedWithReturn = byte == 0x0D
        }
        return output
    }
}
