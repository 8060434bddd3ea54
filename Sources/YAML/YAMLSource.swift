/// The text a document was read from, with its name for messages.
public struct YAMLSource: Sendable {
    /// Its name in messages: a path as the user wrote it.
    public let name: String
    /// The text in UTF-8, whatever the file's encoding was, without a byte order mark.
    public let text: String
    /// Whether any of its values may be a secret, so that no error quotes it.
    let isSecret: Bool
    let lines: LineTable

    /// A text under a name. Up to 1 GiB.
    ///
    /// - Parameters:
    ///   - name: Its name in messages.
    ///   - text: The text in UTF-8.
    ///   - isSecret: Whether any of its values may be a secret, so that no error quotes it.
    public init(name: String, text: String, isSecret: Bool = false) {
        self.name = name
        self.text = text
        self.isSecret = isSecret
        lines = LineTable(text)
    }

    /// The number of lines. A line break at the end of the text begins one more, empty line.
    public var lineCount: Int { lines.count }

    /// Line `number`, from 1, without its line break; nil when there is no such line.
    public func line(_ number: Int) -> Substring? {
        guard let bytes = lines.bytes(ofLine: number) else { return nil }
        let line = text.utf8[index(bytes.lowerBound)..<index(bytes.upperBound)]
        let end = line.lastIndex { $0 != 0x0A && $0 != 0x0D }.map(line.index(after:)) ?? line.startIndex
        return Substring(line[..<end])
    }

    /// The place of the byte at a UTF-8 offset of `text`; inside a character, the character's place.
    public func position(ofByte offset: Int) -> YAMLPosition {
        let offset = min(max(offset, 0), lines.byteCount)
        let line = lines.line(ofByte: offset)
        let before = text.utf8[index(Int(lines.byteStarts[line - 1]))..<index(offset)]
        let inside = offset < lines.byteCount && text.utf8[index(offset)] & 0xC0 == 0x80
        let scalars = before.count { $0 & 0xC0 != 0x80 }
        return YAMLPosition(line: line, column: scalars + (inside ? 0 : 1))
    }

    /// The UTF-8 offset in `text` of a place; past the end of a line, the end of the line.
    public func byteOffset(of position: YAMLPosition) -> Int {
        guard let bytes = lines.bytes(ofLine: position.line) else { return position.line < 1 ? 0 : lines.byteCount }
        let line = text.utf8[index(bytes.lowerBound)..<index(bytes.upperBound)]
        var left = position.column
        for (offset, byte) in line.enumerated() where byte & 0xC0 != 0x80 {
            left -= 1
            if left <= 0 { return bytes.lowerBound + offset }
        }
        return bytes.upperBound
    }

    /// The range between two of libyaml's marks.
    func range(from start: Int, to end: Int) -> YAMLRange {
        YAMLRange(start: lines.position(ofScalar: start), end: lines.position(ofScalar: max(start, end)))
    }

    /// The bytes of a range of text.
    func bytes(in range: YAMLRange) -> ArraySlice<UInt8> {
        let start = byteOffset(of: range.start)
        let end = max(start, byteOffset(of: range.end))
        return Array(text.utf8[index(start)..<index(end)])[...]
    }

    private func index(_ offset: Int) -> String.Index {
        text.utf8.index(text.startIndex, offsetBy: offset)
    }
}

/// A position in a text, as editors show it.
public struct YAMLPosition: Hashable, Sendable, Comparable {
    /// The line, from 1. Lines end with LF, CR LF or CR.
    public var line: Int
    /// The column, from 1, counted in Unicode scalars.
    public var column: Int

    /// A place by its line and column, both from 1.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// Whether one place comes before another in the text.
    public static func < (left: YAMLPosition, right: YAMLPosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A range of a text.
public struct YAMLRange: Hashable, Sendable {
    /// Its first character.
    public var start: YAMLPosition
    /// The place after its last character.
    public var end: YAMLPosition

    /// From `start` up to, and without, `end`.
    public init(start: YAMLPosition, end: YAMLPosition) {
        self.start = start
        self.end = end
    }

    /// The empty range at a place.
    public init(at position: YAMLPosition) {
        self.init(start: position, end: position)
    }
}

/// The offsets at which the lines of a text begin, in UTF-8 bytes and in Unicode scalars.
///
/// Converts between libyaml's character offsets, line and column, and UTF-8 byte offsets without scanning the text.
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
