/// A cursor over the source text of a node that follows libyaml's rules.
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

    /// The line break at an offset. libyaml uses those of YAML 1.1, which only stored files can have: U+0085 becomes LF,
    /// U+2028 and U+2029 are kept.
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

/// Maps the parts of a scalar's value to the parts of its source text.
package struct ScalarPieces: Sendable {
    /// A range of the value.
    package struct Piece: Sendable {
        /// The start in the value and in the source, in bytes.
        package var valueStart, sourceStart: Int
        /// The number of source bytes.
        package var sourceCount: Int
        /// The replacement of an escape or a line break; nil if the source bytes are copied.
        package var replacement: [UInt8]?
    }

    package private(set) var pieces: [Piece] = []
    package private(set) var valueCount = 0
    /// The end of the content in the source, before a closing quote.
    package var contentEnd = 0

    mutating func copy(_ source: Range<Int>) {
        guard !source.isEmpty else { return }
        if let last = pieces.last, last.replacement == nil, last.sourceStart + last.sourceCount == source.lowerBound {
            pieces[pieces.count - 1].sourceCount += source.count
        } else {
            pieces.append(Piece(valueStart: valueCount, sourceStart: source.lowerBound, sourceCount: source.count))
        }
        valueCount += source.count
    }

    mutating func replace(_ source: Range<Int>, by value: [UInt8]) {
        pieces.append(
            Piece(
                valueStart: valueCount, sourceStart: source.lowerBound, sourceCount: source.count, replacement: value))
        valueCount += value.count
    }

    /// The source offset of the byte at an offset of the value; past its end, the end of the content.
    func sourceOffset(of offset: Int) -> Int {
        guard offset < valueCount else { return contentEnd }
        guard let piece = pieces.last(where: { $0.valueStart <= offset }) else { return contentEnd }
        return piece.replacement == nil ? piece.sourceStart + offset - piece.valueStart : piece.sourceStart
    }
}

extension YAMLSource {
    /// The position in the file of an offset in a scalar's value, so that an error inside a template is reported at its
    /// source.
    ///
    /// Exact for every style: quotes, escapes, folded lines, indentation. An escaped character maps to the backslash; a
    /// folded line break maps to the end of its line. For an alias it is the position of the anchored scalar.
    ///
    /// - Parameters:
    ///   - offset: In UTF-8 bytes, from the start of the scalar's text; past its end, the end of its content.
    ///   - node: A scalar of the document that this source belongs to; for a collection, its start is returned.
    public func position(ofUTF8Offset offset: Int, in node: YAMLNode) -> YAMLPosition {
        guard let scalar = node.scalar else { return node.range.start }
        let start = byteOffset(of: node.range.start)
        let pieces = ScalarPieces(scalar, bytes: bytes(in: node.range))
        let end = scalar.text.utf8.count
        return position(ofByte: start + pieces.sourceOffset(of: min(max(offset, 0), end)))
    }

    /// The mapping from the value of a scalar to the text at `node.range`.
    package func pieces(of node: YAMLNode) -> ScalarPieces? {
        node.scalar.map { ScalarPieces($0, bytes: bytes(in: node.range)) }
    }

    /// The text of a node, with its tag and anchor.
    package func text(of node: YAMLNode) -> [UInt8] {
        Array(bytes(in: node.range))
    }
}

extension ScalarPieces {
    fileprivate init(_ scalar: YAMLScalar, bytes: ArraySlice<UInt8>) {
        var text = ScalarText(bytes)
        text.position = ScalarProperties.contentStart(in: bytes)
        switch scalar.style {
        case .plain:
            var scanner = FlowScalarScanner(text, quote: nil)
            self = scanner.scan()
        case .singleQuoted, .doubleQuoted:
            var scanner = FlowScalarScanner(text, quote: text.current)
            self = scanner.scan()
        case .literal, .folded:
            var scanner = BlockScalarScanner(text, value: scalar.text)
            self = scanner.scan()
        }
    }
}
