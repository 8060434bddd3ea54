/// Follows plain and quoted scalars (YAML 1.2, section 7.3) as libyaml does, noting where each part of the value is.
struct FlowScalarScanner {
    private var text: ScalarText
    private let quote: UInt8?
    private var pieces = ScalarPieces()

    /// `text` stands at the scalar's first character, which is `quote` unless the scalar is plain.
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

    /// White space stays; one line break becomes a space, several become one less; an escaped one vanishes.
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
