/// The source text of a node, read in the way libyaml reads it.
struct ScalarText {
    let bytes: [UInt8]
    var position = 0

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = Array(bytes)
    }

    struct LineBreak {
        var source: Range<Int>
        var value: [UInt8]
    }

    var isAtEnd: Bool { position >= bytes.count }
    var isAtBlank: Bool { current == UInt8(ascii: " ") || current == UInt8(ascii: "\t") }
    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The line break at an offset. libyaml keeps YAML 1.1's: U+0085 is one and becomes LF, U+2028 and U+2029 are ones
    /// and stay as they are.
    func lineBreak(at offset: Int) -> LineBreak? {
        let rest = bytes[min(offset, bytes.count)...].prefix(3)
        let newline: [UInt8] = [0x0A]
        if rest.starts(with: [0x0D, 0x0A]) { return LineBreak(source: offset..<offset + 2, value: newline) }
        if rest.first == 0x0A || rest.first == 0x0D { return LineBreak(source: offset..<offset + 1, value: newline) }
        if rest.starts(with: [0xC2, 0x85]) { return LineBreak(source: offset..<offset + 2, value: newline) }
        if rest.elementsEqual([0xE2, 0x80, 0xA8]) || rest.elementsEqual([0xE2, 0x80, 0xA9]) {
            return LineBreak(source: offset..<offset + 3, value: Array(rest))
        }
        return nil
    }

    /// Consumes the line break at the current position, if there is one.
    mutating func takeLineBreak() -> LineBreak? {
        guard let found = lineBreak(at: position) else { return nil }
        position = found.source.upperBound
        return found
    }

    /// Moves to the end of the line.
    mutating func skipLine() {
        while !isAtEnd, lineBreak(at: position) == nil { position += 1 }
    }
}
