/// Scans plain and quoted scalars (YAML 1.2, section 7.3) as libyaml does, and records the source position of each part
/// of the value.
struct FlowScalarScanner {
    private var text: ScalarText
    private let quote: UInt8?
    private var pieces = ScalarPieces()

    /// `text` is positioned at the scalar's first character, which is `quote` unless the scalar is plain.
    init(_ text: ScalarText, quote: UInt8?) {
        self.text = text
        self.quote = quote
    }

    mutating func scan() -> ScalarPieces {
        if quote != nil { text.position += 1 }
        while let byte = text.current {
            if text.isAtBlank || text.lineBreak(at: text.position) != nil {
                fold(afterEscapedBreak: false)
            } else if byte == quote {
                guard quote == UInt8(ascii: "'"), text.bytes.dropFirst(text.position + 1).first == quote else { break }
                pieces.replace(text.position..<text.position + 2, by: [byte])
                text.position += 2
            } else if quote == UInt8(ascii: "\""), byte == UInt8(ascii: "\\") {
                escape()
            } else {
                pieces.copy(text.position..<text.position + 1)
                text.position += 1
            }
        }
        pieces.contentEnd = text.position
        return pieces
    }

    /// Line folding: blanks are kept, a single line break becomes a space, n of them become n - 1, and an escaped one
    /// is removed.
    private mutating func fold(afterEscapedBreak: Bool) {
        let start = text.position
        var breaks: [ScalarText.LineBreak] = []
        while true {
            if text.isAtBlank {
                text.position += 1
            } else if let found = text.takeLineBreak() {
                breaks.append(found)
            } else {
                break
            }
        }
        if afterEscapedBreak {
            for found in breaks { pieces.replace(found.source, by: found.value) }
        } else if let first = breaks.first {
            if first.value != [0x0A] {
                for found in breaks { pieces.replace(found.source, by: found.value) }
            } else if breaks.count == 1 {
                pieces.replace(first.source, by: [UInt8(ascii: " ")])
            } else {
                for found in breaks.dropFirst() { pieces.replace(found.source, by: found.value) }
            }
        } else {
            pieces.copy(start..<text.position)
        }
    }

    private mutating func escape() {
        let start = text.position
        text.position += 1
        if text.takeLineBreak() != nil { return fold(afterEscapedBreak: true) }
        let letter = text.current ?? 0
        text.position += 1
        var value: UInt32
        if let digits = EscapeSequence.digits(after: letter) {
            value = 0
            for byte in text.bytes.dropFirst(text.position).prefix(digits) {
                value = value << 4 | UInt32(Character(Unicode.Scalar(byte)).hexDigitValue ?? 0)
            }
            text.position = min(text.position + digits, text.bytes.count)
        } else {
            value = EscapeSequence.value(of: letter)
        }
        let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
        pieces.replace(start..<text.position, by: Array(String(Character(scalar)).utf8))
    }
}

/// The escapes of double-quoted scalars (YAML 1.2, section 5.7).
enum EscapeSequence {
    /// How many hexadecimal digits follow the letter, if any do.
    static func digits(after letter: UInt8) -> Int? {
        switch letter {
        case UInt8(ascii: "x"): 2
        case UInt8(ascii: "u"): 4
        case UInt8(ascii: "U"): 8
        default: nil
        }
    }

    /// The code point of an escape without digits.
    static func value(of letter: UInt8) -> UInt32 {
        switch letter {
        case UInt8(ascii: "0"): 0
        case UInt8(ascii: "a"): 0x07
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "v"): 0x0B
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "e"): 0x1B
        case UInt8(ascii: "N"): 0x85
        case UInt8(ascii: "_"): 0xA0
        case UInt8(ascii: "L"): 0x2028
        case UInt8(ascii: "P"): 0x2029
        default: UInt32(letter)
        }
    }
}

/// Scans literal and folded scalars (YAML 1.2, section 8.1) as libyaml does, and records the source position of each
/// part of the value.
struct BlockScalarScanner {
    private var text: ScalarText
    private let isFolded: Bool
    private var indent = 0
    private var column = 0
    private var pieces = ScalarPieces()

    /// `text` is positioned at the `|` or `>`; `value` is libyaml's value of the scalar.
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
        // Chomping decides which of these are in the value; the others are past its end.
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

    /// The indentation of the content. An indicator (`|2`) is relative to the parent's indentation, which the scalar's
    /// own text does not show, so it is derived from the leading spaces of the value's first line.
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

/// Scans the tag and anchor at the beginning of a node.
enum ScalarProperties {
    /// The range of the tag.
    static func tag(in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        scan(bytes).tag
    }

    /// The offset at which the scalar itself begins.
    static func contentStart(in bytes: ArraySlice<UInt8>) -> Int {
        scan(bytes).contentStart
    }

    private static func scan(_ bytes: ArraySlice<UInt8>) -> (tag: Range<Int>?, contentStart: Int) {
        var text = ScalarText(bytes)
        var tag: Range<Int>?
        while let first = text.current, first == UInt8(ascii: "&") || first == UInt8(ascii: "!") {
            let start = text.position
            text.position += 1
            if first == UInt8(ascii: "!") {
                while !text.isAtEnd, !text.isAtBlank, text.lineBreak(at: text.position) == nil { text.position += 1 }
                tag = start..<text.position
            } else {
                while let byte = text.current, isAnchorCharacter(byte) { text.position += 1 }
            }
            skipSpaceAndComments(&text)
        }
        return (tag, text.position)
    }

    /// libyaml ends an anchor's name at any other character, so in `&a:b` the scalar is `:b`.
    private static func isAnchorCharacter(_ byte: UInt8) -> Bool {
        Unicode.Scalar(byte).properties.isAlphabetic && byte < 0x80
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-")
    }

    private static func skipSpaceAndComments(_ text: inout ScalarText) {
        while !text.isAtEnd {
            if text.isAtBlank {
                text.position += 1
            } else if text.current == UInt8(ascii: "#") {
                text.skipLine()
            } else if text.takeLineBreak() == nil {
                return
            }
        }
    }
}
