/// Where the lines of a text begin, in UTF-8 bytes and in Unicode scalars.
///
/// libyaml counts characters, people count lines and columns, strings are stored in bytes; this table leads from one to
/// the other without walking the text. libyaml's own line numbers are not used: it follows YAML 1.1, where U+0085,
/// U+2028 and U+2029 end a line, which no editor shows.
struct LineTable: Sendable {
    private(set) var byteStarts: [UInt32] = [0]
    /// Empty when the text is ASCII, where scalars are bytes.
    private var scalarStarts: [UInt32] = []
    private(set) var byteCount = 0
    private(set) var scalarCount = 0

    init(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            byteCount = bytes.count
            var scalars = 0
            var scalarStarts: [UInt32] = [0]
            for (offset, byte) in bytes.enumerated() {
                if byte & 0xC0 != 0x80 { scalars += 1 }
                let endsLine =
                    byte == 0x0A || byte == 0x0D && !(offset + 1 < bytes.count && bytes[offset + 1] == 0x0A)
                if endsLine {
                    byteStarts.append(UInt32(offset + 1))
                    scalarStarts.append(UInt32(scalars))
                }
            }
            scalarCount = scalars
            if scalars != bytes.count { self.scalarStarts = scalarStarts }
        }
    }

    var count: Int { byteStarts.count }

    /// The bytes of line `line` (from 1) with its line break.
    func bytes(ofLine line: Int) -> Range<Int>? {
        guard line >= 1, line <= count else { return nil }
        return Int(byteStarts[line - 1])..<(line < count ? Int(byteStarts[line]) : byteCount)
    }

    /// The line and column of the scalar with this index; past the end, the end.
    func position(ofScalar index: Int) -> YAMLPosition {
        let index = min(max(index, 0), scalarCount)
        let starts = scalarStarts.isEmpty ? byteStarts : scalarStarts
        let line = Self.line(containing: index, in: starts)
        return YAMLPosition(line: line, column: index - Int(starts[line - 1]) + 1)
    }

    /// The line (from 1) that holds the byte at this offset.
    func line(ofByte offset: Int) -> Int {
        Self.line(containing: min(max(offset, 0), byteCount), in: byteStarts)
    }

    private static func line(containing value: Int, in starts: [UInt32]) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(starts[middle]) <= value { low = middle } else { high = middle }
        }
        return low + 1
    }
}
