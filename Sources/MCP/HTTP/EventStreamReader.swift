internal import RunnelSupport

/// Extracts the data of events from a body of server-sent events. Pure.
struct EventStreamReader: Sendable {
    struct TooLong: Error, Hashable {}

    private var parser: SSEParser

    /// - Parameter limit: The maximum size of an event in bytes.
    init(limit: Int) {
        parser = SSEParser(limits: SSEParser.Limits(line: limit, event: limit))
    }

    /// Appends bytes; returns the data of completed events.
    mutating func append(_ bytes: [UInt8]) throws(TooLong) -> [[UInt8]] {
        var found: [[UInt8]] = []
        let parsed: Result<Void, SSEParser.Failure> = bytes.withUnsafeBytes { raw in
            Result { () throws(SSEParser.Failure) in
                try parser.feed(raw) { event in
                    if let message = Self.message(event) { found.append(message) }
                }
            }
        }
        guard case .success = parsed else { throw TooLong() }
        return found
    }

    /// The data of an incomplete last event; nil if there is none. Some servers close the body right after their
    /// answer, without a blank line.
    mutating func finish() throws(TooLong) -> [UInt8]? {
        var found: [UInt8]?
        do {
            try parser.finish { found = Self.message($0) }
        } catch {
            throw TooLong()
        }
        return found
    }

    /// The data of an event; nil for one that only primes the stream, whose data is blank.
    private static func message(_ event: SSEParser.RawEvent) -> [UInt8]? {
        event.data.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 } ? nil : Array(event.data)
    }
}
