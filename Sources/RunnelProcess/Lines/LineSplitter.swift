/// Cuts a stream of bytes into lines.
struct LineSplitter: Sendable {
    /// The longest line that is accepted, in bytes, without its end.
    let limit: Int
    private var partial: [UInt8] = []
    /// How many lines have begun before the one in ``partial``.
    private(set) var count = 0

    init(limit: Int) {
        self.limit = limit
    }

    struct TooLong: Error, Hashable {
        /// From 1.
        let line: Int
    }

    /// Takes more bytes and hands over the lines that they complete, without line feed and carriage return.
    mutating func append(
        _ bytes: UnsafeRawBufferPointer, _ body: (_ line: [UInt8], _ number: Int) throws -> Void
    ) throws {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            partial += rest[..<end]
            rest = rest[(end + 1)...]
            guard partial.count <= limit else { throw TooLong(line: count + 1) }
            count += 1
            if partial.last == 0x0D { partial.removeLast() }
            let line = partial
            partial.removeAll(keepingCapacity: partial.capacity <= 64 << 10)
            try body(line, count)
        }
        partial += rest
        guard partial.count <= limit else { throw TooLong(line: count + 1) }
    }

    /// What came behind the last line feed; nil when nothing did.
    mutating func finish() -> (line: [UInt8], number: Int)? {
        guard !partial.isEmpty else { return nil }
        defer { partial = [] }
        count += 1
        return (partial, count)
    }
}
