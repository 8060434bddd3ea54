/// What is wrong with a text that should be JSON, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A sentence without place.
    public let message: String
    /// From 1.
    public let line: Int
    /// From 1, in bytes of UTF-8.
    public let column: Int

    /// Makes an error; line and column count from 1.
    public init(message: String, line: Int, column: Int) {
        self.message = message
        self.line = line
        self.column = column
    }

    /// The place and what is wrong there.
    public var description: String { "line \(line), column \(column): \(message)" }
}

/// How a JSON document is read.
package struct JSONOptions: Sendable {
    /// How deep lists and objects may nest.
    package var maxDepth = 512
    /// How many values the document may hold, so that their memory stays in proportion to the text.
    package var maxValues = Int.max
    /// Reads what servers send although no ``Value`` holds it: a string that is not well-formed becomes its bytes, with
    /// half a surrogate pair at either end as three bytes (WTF-8); a number beyond 64 bits or a double a string; and
    /// `NaN`, `Infinity` and `-Infinity`, which Python writes, null.
    package var isLenient = false

    package init() {}
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
        var options = JSONOptions()
        options.maxDepth = maxDepth
        return try json(text, options)
    }

    /// Reads one JSON document in UTF-8, with or without a byte order mark.
    public static func json(_ bytes: [UInt8], maxDepth: Int = 512) throws(JSONError) -> Value {
        var options = JSONOptions()
        options.maxDepth = maxDepth
        return try bytes.withUnsafeBytes { bytes in Result { () throws(JSONError) in try json(bytes, options) } }.get()
    }

    package static func json(_ text: String, _ options: JSONOptions) throws(JSONError) -> Value {
        var text = text
        return try text.withUTF8 { bytes in
            Result { () throws(JSONError) in try json(UnsafeRawBufferPointer(bytes), options) }
        }.get()
    }

    package static func json(_ bytes: UnsafeRawBufferPointer, _ options: JSONOptions) throws(JSONError) -> Value {
        var reader = JSONReader(bytes, options)
        return try reader.document()
    }
}

extension JSONCursor {
    /// The string that ``string()`` found, as a ``Value/string(_:)``, or as its bytes where it is not well-formed.
    package func value(of text: Text, keepingHalves: Bool) -> Value {
        let content = UnsafeRawBufferPointer(rebasing: bytes[text.range])
        guard text.hasEscapes else {
            // `String(validating:)` is not specialized, which costs more than most strings.
            if content.isASCII { return .string(String(decoding: content, as: UTF8.self)) }
            return String(validating: content, as: UTF8.self).map { .string($0) } ?? .bytes(Array(content))
        }
        var output: [UInt8] = []
        output.reserveCapacity(content.count)
        JSONEscape.decode(content, into: &output, keepingHalves: keepingHalves)
        return String(validating: output, as: UTF8.self).map { .string($0) } ?? .bytes(output)
    }
}

extension UnsafeRawBufferPointer {
    /// Whether no byte is above 0x7F.
    fileprivate var isASCII: Bool {
        var index = 0
        while index + 8 <= count {
            guard loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 else {
                return false
            }
            index += 8
        }
        return self[index...].allSatisfy { $0 < 0x80 }
    }
}

/// Builds a ``Value`` of JSON text.
struct JSONReader {
    private var cursor: JSONCursor
    private let options: JSONOptions
    private var values = 0

    init(_ bytes: UnsafeRawBufferPointer, _ options: JSONOptions) {
        cursor = JSONCursor(bytes)
        self.options = options
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { cursor.position = 3 }
    }

    mutating func document() throws(JSONError) -> Value {
        let value = try value(depth: 0)
        cursor.skipWhitespace()
        guard cursor.isAtEnd else { throw error("expected the end, found \(found)") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> Value {
        cursor.skipWhitespace()
        values += 1
        guard depth <= options.maxDepth else { throw error("nested deeper than \(options.maxDepth) levels") }
        guard values <= options.maxValues else { throw error("more than \(options.maxValues) values") }
        switch cursor.current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "t") where cursor.skip(word: "true"): return .bool(true)
        case UInt8(ascii: "f") where cursor.skip(word: "false"): return .bool(false)
        case UInt8(ascii: "n") where cursor.skip(word: "null"): return .null
        case UInt8(ascii: "N") where options.isLenient && cursor.skip(word: "NaN"): return .null
        case UInt8(ascii: "I") where options.isLenient && cursor.skip(word: "Infinity"): return .null
        case UInt8(ascii: "-") where options.isLenient && cursor.skip(word: "-Infinity"): return .null
        case UInt8(ascii: "-"), .some(0x30...0x39): return try number()
        default: throw error("expected a JSON value, found \(found)")
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> Value {
        var object = ValueObject()
        cursor.position += 1
        cursor.skipWhitespace()
        if cursor.skip(UInt8(ascii: "}")) { return .object(object) }
        while true {
            cursor.skipWhitespace()
            guard cursor.current == UInt8(ascii: "\"") else { throw error("expected a key in quotes, found \(found)") }
            let key = try key()
            cursor.skipWhitespace()
            guard cursor.skip(UInt8(ascii: ":")) else {
                throw error("expected ':' after the key \"\(key)\", found \(found)")
            }
            object[key] = try value(depth: depth + 1)
            cursor.skipWhitespace()
            if cursor.skip(UInt8(ascii: ",")) { continue }
            guard cursor.skip(UInt8(ascii: "}")) else { throw error("expected ',' or '}', found \(found)") }
            return .object(object)
        }
    }

    private mutating func list(depth: Int) throws(JSONError) -> Value {
        var items: [Value] = []
        cursor.position += 1
        cursor.skipWhitespace()
        if cursor.skip(UInt8(ascii: "]")) { return .list(items) }
        while true {
            items.append(try value(depth: depth + 1))
            cursor.skipWhitespace()
            if cursor.skip(UInt8(ascii: ",")) { continue }
            guard cursor.skip(UInt8(ascii: "]")) else { throw error("expected ',' or ']', found \(found)") }
            return .list(items)
        }
    }

    private mutating func number() throws(JSONError) -> Value {
        let start = cursor.position
        guard let range = cursor.number() else { throw error("expected a digit, found \(found)") }
        let digits = UnsafeRawBufferPointer(rebasing: cursor.bytes[range])
        let text = String(decoding: digits, as: UTF8.self)
        let isWhole = digits.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        if isWhole, let whole = Int64(text) { return .int(whole) }
        if isWhole, options.isLenient { return .string(text) }
        if let real = Double(text), real.isFinite { return .double(real) }
        guard options.isLenient else {
            cursor.position = start
            throw error("the number \(text.prefix(40)) is too large")
        }
        return .string(text)
    }

    private mutating func string() throws(JSONError) -> Value {
        let opening = cursor.position
        guard let text = cursor.string() else { throw malformedString(at: opening) }
        let value = cursor.value(of: text, keepingHalves: options.isLenient)
        guard options.isLenient || value.asBytes == nil else {
            cursor.position = opening
            throw error("the string that begins here is not UTF-8")
        }
        return value
    }

    private mutating func key() throws(JSONError) -> String {
        switch try string() {
        case .string(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        default: ""
        }
    }

    // MARK: - Errors

    /// Says why the cursor could not read the string.
    private mutating func malformedString(at opening: Int) -> JSONError {
        let bytes = cursor.bytes
        cursor.position = opening + 1
        while let byte = cursor.current {
            if byte < 0x20 { return error("a control character in a string has to be escaped") }
            cursor.position += 1
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let letter = cursor.current else { return error("the text ends inside an escape") }
            if letter == UInt8(ascii: "u") {
                cursor.position += 1
                guard JSONEscape.hexUnit(bytes, at: cursor.position) != nil else {
                    return error(#"expected four hexadecimal digits after \u"#)
                }
                cursor.position += 4
            } else {
                guard JSONEscape.single(letter) != nil else {
                    return error("unknown escape: a backslash before \(found)")
                }
                cursor.position += 1
            }
        }
        cursor.position = opening
        return error("the string that begins here has no end")
    }

    private var found: String {
        let bytes = cursor.bytes
        guard let byte = cursor.current else { return "the end" }
        let end = bytes[cursor.position...].dropFirst().firstIndex { $0 & 0xC0 != 0x80 } ?? bytes.endIndex
        let character = bytes[cursor.position..<end]
        guard byte >= 0x20, byte != 0x7F, let text = String(validating: character, as: UTF8.self) else {
            return "the byte 0x" + String(byte, radix: 16)
        }
        return "'\(text)'"
    }

    private func error(_ message: String) -> JSONError {
        let before = cursor.bytes.prefix(cursor.position)
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return JSONError(
            message: message, line: before.count { $0 == 0x0A } + 1, column: cursor.position - lineStart + 1)
    }
}
