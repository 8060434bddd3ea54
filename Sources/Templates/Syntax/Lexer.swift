import RunnelKit

/// Splits the text of an expression into tokens. Ranges are relative to the start of the template.
struct Lexer {
    private let text: [UInt8]
    private let end: Int
    private var index: Int
    private var tokens: [Token] = []

    private init(text: [UInt8], range: Range<Int>) {
        self.text = text
        index = range.lowerBound
        end = range.upperBound
    }

    static func tokens(_ text: [UInt8], in range: Range<Int>) throws(TemplateIssue) -> [Token] {
        var lexer = Lexer(text: text, range: range)
        try lexer.run()
        return lexer.tokens
    }

    private static let symbols = [
        "==", "!=", "<=", ">=", "&&", "||", "??", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "+", "-", "*", "/",
        "%", "~", "<", ">", "!", "=",
    ].map { (text: $0, bytes: Array($0.utf8)) }

    private mutating func run() throws(TemplateIssue) {
        while let byte = peek {
            let start = index
            if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                index += 1
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                add(.literal(.string(try string(quote: byte))), from: start)
            } else if isNameStart(byte) || isDigit(byte) && isBehindDot(start) {
                name(from: start)
            } else if isDigit(byte) {
                add(.literal(try number()), from: start)
            } else if let symbol = Self.symbols.first(where: { text[index..<end].starts(with: $0.bytes) }) {
                index += symbol.bytes.count
                add(.symbol(symbol.text), from: start)
            } else {
                let next = text[index..<end].dropFirst().firstIndex { $0 & 0xC0 != 0x80 } ?? end
                throw TemplateIssue(
                    TemplateErrorCode.badExpression,
                    "`\(String(decoding: text[index..<next], as: UTF8.self))` is not allowed in an expression",
                    index..<next)
            }
        }
        tokens.append(Token(kind: .end, range: end..<end))
    }

    private var peek: UInt8? { index < end ? text[index] : nil }

    private mutating func add(_ kind: Token.Kind, from start: Int) {
        tokens.append(Token(kind: kind, range: start..<index))
    }

    /// Scans a name. After a dot it may contain hyphens, as step ids do, and begin with a digit; subtraction needs
    /// spaces.
    private mutating func name(from start: Int) {
        let afterDot = isBehindDot(start)
        while let byte = peek {
            if isNameStart(byte) || isDigit(byte) {
                index += 1
            } else if afterDot, byte == UInt8(ascii: "-"), index + 1 < end,
                isNameStart(text[index + 1]) || isDigit(text[index + 1])
            {
                index += 1
            } else {
                break
            }
        }
        let name = String(decoding: text[start..<index], as: UTF8.self)
        // In `rows.0.1` each part is an index, not a decimal number.
        add(Int64(name).map { .literal(.int($0)) } ?? .name(name), from: start)
    }

    private func isBehindDot(_ start: Int) -> Bool {
        tokens.last?.kind == .symbol(".") && tokens.last?.range.upperBound == start
    }

    private mutating func number() throws(TemplateIssue) -> Value {
        let start = index
        while let byte = peek, isDigit(byte) { index += 1 }
        var isWhole = true
        if peek == UInt8(ascii: "."), index + 1 < end, isDigit(text[index + 1]) {
            isWhole = false
            index += 1
            while let byte = peek, isDigit(byte) { index += 1 }
        }
        let digits = String(decoding: text[start..<index], as: UTF8.self)
        if isWhole, let whole = Int64(digits) { return .int(whole) }
        guard !isWhole, let real = Double(digits), real.isFinite else {
            throw TemplateIssue(
                TemplateErrorCode.badExpression, "the number \(digits) does not fit 64 bits", start..<index)
        }
        return .double(real)
    }

    private mutating func string(quote: UInt8) throws(TemplateIssue) -> String {
        let start = index
        index += 1
        var content: [UInt8] = []
        while let byte = peek {
            index += 1
            if byte == quote { return String(decoding: content, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                content.append(byte)
                continue
            }
            guard let escaped = peek else { break }
            index += 1
            switch escaped {
            case UInt8(ascii: "n"): content.append(0x0A)
            case UInt8(ascii: "t"): content.append(0x09)
            case UInt8(ascii: "r"): content.append(0x0D)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): content.append(escaped)
            case UInt8(ascii: "u"): content += try unicodeEscape() ?? [byte, escaped]
            default: content += [byte, escaped]
            }
        }
        throw TemplateIssue(TemplateErrorCode.badExpression, "the string is not closed", start..<end)
    }

    /// The UTF-8 of an escape such as `\u00e9`, or of a surrogate pair, after its first `\u` was read; nil unless four
    /// hexadecimal digits follow: `\users` is no escape.
    private mutating func unicodeEscape() throws(TemplateIssue) -> [UInt8]? {
        let start = index - 2
        guard let first = codeUnit() else { return nil }
        var units = [first]
        if UTF16.isLeadSurrogate(first), text[index..<end].starts(with: #"\u"#.utf8) {
            index += 2
            if let second = codeUnit() { units.append(second) }
        }
        guard let character = String(validating: units, as: UTF16.self) else {
            let written = String(decoding: text[start..<index], as: UTF8.self)
            throw TemplateIssue(
                TemplateErrorCode.badExpression, "`\(written)` is half of a surrogate pair", start..<index,
                hint: #"write both halves, such as `\ud83d\ude00`, or the character itself"#)
        }
        return Array(character.utf8)
    }

    /// Reads four hexadecimal digits as a UTF-16 code unit. Otherwise reads nothing and returns nil.
    private mutating func codeUnit() -> UInt16? {
        let digits = text[index..<end].prefix(4).map { Character(Unicode.Scalar($0)) }
        guard digits.count == 4, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
        index += 4
        return UInt16(String(digits), radix: 16)
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private func isNameStart(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
    }
}

/// A token of the expression language.
struct Token: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case name(String)
        case literal(Value)
        /// An operator or bracket.
        case symbol(String)
        case end
    }

    let kind: Kind
    let range: Range<Int>

    /// The token as quoted in messages.
    func quoted(in text: [UInt8]) -> String {
        kind == .end ? "the end of the expression" : "`\(String(decoding: text[range], as: UTF8.self))`"
    }
}
