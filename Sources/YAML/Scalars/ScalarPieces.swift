/// Which part of a scalar's value came from which part of its source text.
package struct ScalarPieces: Sendable {
    /// A stretch of the value.
    package struct Piece: Sendable {
        /// Where it starts in the value and in the source, in bytes.
        package var valueStart, sourceStart: Int
        /// How many bytes of source it was made from.
        package var sourceCount: Int
        /// What an escape or a line break became; nil when the source's bytes were copied.
        package var replacement: [UInt8]?
    }

    package private(set) var pieces: [Piece] = []
    package private(set) var valueCount = 0
    /// Where the content ends in the source, before a closing quote.
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
