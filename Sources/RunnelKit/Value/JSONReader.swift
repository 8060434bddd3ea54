/// What is wrong with a text that should be JSON, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A sentence without place.
    public let message: String
    /// From 1.
    public let line: Int
    /// From 1, in bytes of UTF-8.
    public let column: Int

    public var description: String { "line \(line), column \(column): \(message)" }
}

extension Value {
    /// Reads one JSON document (RFC 8259) and nothing after it but white space.
    ///
    /// Whole numbers that fit 64 bits stay exact; others become doubles. Where a key stands twice in an object the
    /// later value wins, as in most readers.
    /// - Parameters:
    ///   - text: One value, with white space around it or without.
    ///   - maxDepth: How deep lists and objects may nest.
    public static func json(_ text: String, maxDepth: Int = 512) throws(JSONError) -> Value {
        try json(Array(text.utf8), maxDepth: maxDepth)
    }

    /// Reads one JSON document in UTF-8, with or without a byte order mark.
    public static func json(_ bytes: [UInt8], maxDepth: Int = 512) throws(JSONError) -> Value {
        var reader = JSONReader(bytes: bytes, maxDepth: maxDepth)
        return try reader.document()
    }
}

struct JSONReader {
    private let bytes: [UInt8]
    private let maxDepth: Int
    private var index = 0

    init(bytes: [UInt8], maxDepth: Int) {
        self.bytes = bytes
        self.maxDepth = maxDepth
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
    }

    mutating func document() throws(JSONError) -> Value {
        let value = try value(depth: 0)
        skipWhiteSpace()
        guard index == bytes.count else { throw error("expected the end, found \(found)") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> Value {
        skipWhiteSpace()
        guard depth <= maxDepth else { throw error("nested deeper than \(maxDepth) levels") }
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(let byte) where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
        default: throw error("expected a JSON value, found \(found)")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> Value {
        var object = ValueObject()
        index += 1
        skipWhiteSpace()
        if take("}") { return .object(object) }
        while true {
            skipWhiteSpace()
            guard peek == UInt8(ascii: "\"") else { throw error("expected a key in quotes, found \(found)") }
            let key = try string()
            skipWhiteSpace()
            guard take(":") else { throw error("expected ':' after the key \"\(key)\", found \(found)") }
            object[key] = try value(depth: depth + 1)
            skipWhiteSpace()
            if take(",") { continue }
            guard take("}") else { throw error("expected ',' or '}', found \(found)") }
            return .object(object)
        }
    }

    private mutating func list(depth: Int) throws(JSONError) -> Value {
        var items: [Value] = []
        index += 1
        skipWhiteSpace()
        if take("]") { return .list(items) }
        while true {
            items.append(try value(depth: depth + 1))
            skipWhiteSpace()
            if take(",") { continue }
            guard take("]") else { throw error("expected ',' or ']', found \(found)") }
            return .list(items)
        }
    }

    private mutating func word(_ word: String, _ value: Value) throws(JSONError) -> Value {
        guard bytes[index...].starts(with: word.utf8) else { throw error("expected a JSON value, found \(found)") }
        index += word.utf8.count
        return value
    }

    private mutating func number() throws(JSONError) -> Value {
        let start = index
        var isWhole = true
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isWhole, let whole = Int64(text) { return .int(whole) }
        guard let real = Double(text) else { throw error("cannot read the number \(text)") }
        guard real.isFinite else {
            index = start
            throw error("the number \(text.prefix(40)) is too large")
        }
        return .double(real)
    }

    private mutating func digits() throws(JSONError) {
        guard let first = peek, isDigit(first) else { throw error("expected a digit, found \(found)") }
        while let byte = peek, isDigit(byte) { index += 1 }
    }

    private mutating func string() throws(JSONError) -> String {
        let opening = index
        index += 1
        var content: [UInt8] = []
        while true {
            let start = index
            while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
            let isPlain = content.isEmpty && peek == UInt8(ascii: "\"")
            // Without an escape in it, a long string need not be copied twice.
            if isPlain, let text = String(validating: bytes[start..<index], as: UTF8.self) {
                index += 1
                return text
            }
            content.append(contentsOf: bytes[start..<index])
            switch peek {
            case nil:
                index = opening
                throw error("the string that begins here has no end")
            case UInt8(ascii: "\""):
                index += 1
                guard let text = String(validating: content, as: UTF8.self) else {
                    index = opening
                    throw error("the string that begins here is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &content)
            default: throw error("a control character in a string has to be escaped")
            }
        }
    }

    private mutating func escape(into content: inout [UInt8]) throws(JSONError) {
        index += 1
        guard let byte = peek else { throw error("the text ends inside an escape") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: String(try unicodeEscape()).utf8)
        default:
            index -= 1
            throw error("unknown escape: a backslash before \(found)")
        }
    }

    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try fourHexDigits()
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        // A high surrogate wants its low half; alone it stands for nothing, as in most readers.
        guard bytes[index...].starts(with: #"\u"#.utf8) else { return "\u{FFFD}" }
        let mark = index
        index += 2
        let second = try fourHexDigits()
        guard second & 0xFC00 == 0xDC00 else {
            index = mark
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF) ?? "\u{FFFD}"
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        let end = index + 4
        guard end <= bytes.count,
            bytes[index..<end].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: bytes[index..<end], as: UTF8.self), radix: 16)
        else { throw error(#"expected four hexadecimal digits after \u"#) }
        index = end
        return code
    }

    // MARK: - Reading

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private var found: String {
        guard let byte = peek else { return "the end" }
        let end = bytes[index...].dropFirst().firstIndex { $0 & 0xC0 != 0x80 } ?? bytes.endIndex
        guard byte >= 0x20, byte != 0x7F, let text = String(validating: bytes[index..<end], as: UTF8.self) else {
            return "the byte 0x" + String(byte, radix: 16)
        }
        return "'\(text)'"
    }

    private func error(_ message: String) -> JSONError {
        var line = 1
        var lineStart = 0
        for position in 0..<min(index, bytes.count) where bytes[position] == 0x0A {
            line += 1
            lineStart = position + 1
        }
        return JSONError(message: message, line: line, column: index - lineStart + 1)
    }
}
