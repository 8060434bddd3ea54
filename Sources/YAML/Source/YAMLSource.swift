/// The text a document was read from, with its name for messages.
public struct YAMLSource: Sendable {
    /// What messages call it: a path as the user wrote it.
    public let name: String
    /// The text in UTF-8, whatever the file's encoding was, without a byte order mark.
    public let text: String
    let lines: LineTable

    /// A text under a name. Up to 1 GiB.
    public init(name: String, text: String) {
        self.name = name
        self.text = text
        lines = LineTable(text)
    }

    /// How many lines the text has; a line break at its end begins one more, which is empty.
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

    /// The range of text between two of libyaml's marks.
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
