/// Splits a stream of bytes into lines. A line that is too long either fails the whole stream or is dropped.
package struct LineSplitter: Sendable {
    /// A line of a stream that goes on behind one that is too long.
    package enum Line: Sendable, Hashable {
        case line([UInt8])
        /// A line that was longer than allowed; it was dropped.
        case tooLong
    }

    package struct TooLong: Error, Hashable {
        /// From 1.
        let line: Int
    }

    /// The maximum length of a line in bytes, without line end.
    let limit: Int
    private var partial: [UInt8] = []
    /// Whether the rest of a line that is too long passes by.
    private var isSkipping = false
    /// The number of lines before the one in ``partial``.
    private(set) var count = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// Appends bytes and passes on completed lines, without line feed and carriage return.
    ///
    /// - Throws: ``TooLong``, after which nothing more can be read; what `body` throws.
    package mutating func append(
        _ bytes: UnsafeRawBufferPointer, _ body: (_ line: [UInt8], _ number: Int) throws -> Void
    ) throws {
        try cut(bytes[...]) { line, number in
            guard case .line(let line) = line else { throw TooLong(line: number) }
            try body(line, number)
        }
        if isSkipping { throw TooLong(line: count + 1) }
    }

    /// Takes more bytes and gives the lines that they complete. Empty ones are left out.
    package mutating func split(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        bytes.withUnsafeBytes { buffer in
            cut(buffer[...]) { line, _ in if line != .line([]) { lines.append(line) } }
        }
        return lines
    }

    /// What stands behind the last end of a line, when no more will come.
    package mutating func last() -> Line? { split([0x0A]).first }

    private mutating func cut(
        _ bytes: Slice<UnsafeRawBufferPointer>, _ body: (_ line: Line, _ number: Int) throws -> Void
    ) rethrows {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0A) {
            take(rest[..<end])
            rest = rest[(end + 1)...]
            count += 1
            if partial.last == 0x0D { partial.removeLast() }
            let line: Line = isSkipping ? .tooLong : .line(partial)
            partial.removeAll(keepingCapacity: partial.capacity <= 64 << 10)
            isSkipping = false
            try body(line, count)
        }
        take(rest)
    }

    private mutating func take(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard !isSkipping else { return }
        guard partial.count + bytes.count <= limit else {
            isSkipping = true
            partial = []
            return
        }
        partial += bytes
    }

    /// The text after the last line feed; nil if there is none.
    package mutating func finish() -> (line: [UInt8], number: Int)? {
        guard !partial.isEmpty else { return nil }
        defer { partial = [] }
        count += 1
        return (partial, count)
    }
}
