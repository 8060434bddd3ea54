/// Follows literal and folded scalars (YAML 1.2, section 8.1) as libyaml does, noting where each part of the value is.
struct BlockScalarScanner {
    private var text: ScalarText
    private let isFolded: Bool
    private var indent = 0
    private var column = 0
    private var pieces = ScalarPieces()

    /// `text` stands at the `|` or `>`; `value` is what libyaml made of the scalar.
    init(_ text: ScalarText, value: String) {
        self.text = text
        isFolded = text.current == UInt8(ascii: ">")
        self.text.skipLine()
        _ = self.text.takeLineBreak()
        indent = Self.indent(of: self.text, value: value)
    }

    mutating func scan() -> ScalarPieces {
        var lastBreak: ScalarText.LineBreak?
        var emptyLines = takeEmptyLines()
        var lastLineBeganBlank = false
        while column == indent, !text.isAtEnd {
            let beginsBlank = text.isAtBlank
            if let found = lastBreak {
                if isFolded, found.value == [0x0A], !lastLineBeganBlank, !beginsBlank {
                    if emptyLines.isEmpty { pieces.replace(found.source, by: [UInt8(ascii: " ")]) }
                } else {
                    pieces.replace(found.source, by: found.value)
                }
            }
            for found in emptyLines { pieces.replace(found.source, by: found.value) }
            lastLineBeganBlank = beginsBlank
            let start = text.position
            text.skipLine()
            pieces.copy(start..<text.position)
            pieces.contentEnd = text.position
            lastBreak = text.takeLineBreak()
            emptyLines = takeEmptyLines()
        }
        // The chomping decides which of these are in the value; those that are not are past its end.
        for found in [lastBreak].compactMap(\.self) + emptyLines { pieces.replace(found.source, by: found.value) }
        return pieces
    }

    /// Consumes lines without content and the indentation of the line after them.
    private mutating func takeEmptyLines() -> [ScalarText.LineBreak] {
        var breaks: [ScalarText.LineBreak] = []
        while true {
            column = 0
            while column < indent, text.current == UInt8(ascii: " ") {
                text.position += 1
                column += 1
            }
            guard let found = text.takeLineBreak() else { return breaks }
            breaks.append(found)
        }
    }

    /// The indentation of the content. An indicator (`|2`) counts from the parent's indentation, which the scalar's own
    /// text does not show; but the value tells how many of the first line's spaces belong to it.
    private static func indent(of text: ScalarText, value: String) -> Int {
        var text = text
        var rest = ScalarText(Array(value.utf8)[...])
        while rest.takeLineBreak() != nil {
            text.skipLine()
            _ = text.takeLineBreak()
        }
        guard !rest.isAtEnd else { return Int.max }
        let spaces = { (text: ScalarText) in
            text.bytes.dropFirst(text.position).prefix { $0 == UInt8(ascii: " ") }.count
        }
        return max(0, spaces(text) - spaces(rest))
    }
}
