/// A strict reader of one JSON document (RFC 8259), for everything that the chunk scanner leaves to it.
///
/// Invalid UTF-8 inside a string becomes U+FFFD, as the event stream standard asks of all its text, unless whoever reads
/// the document puts its strings together.
struct JSONReader {
    /// What is wrong, and at which byte.
    struct Failure: Error, Equatable {
        var what: String
        var offset: Int
    }

    /// How deep arrays and objects may nest.
    static let maximumDepth = 64
    /// How many values a document may hold, so that its memory stays in proportion to its text.
    static let maximumValues = 1 << 20

    private var cursor: JSONCursor
    private var values = 0

    private init(cursor: JSONCursor) {
        self.cursor = cursor
    }

    static func read(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> JSONValue {
        var reader = JSONReader(cursor: JSONCursor(bytes))
        reader.cursor.skipWhitespace()
        let value = try reader.value(depth: 0)
        reader.cursor.skipWhitespace()
        guard reader.cursor.isAtEnd else { throw reader.failure("something follows the JSON value") }
        return value
    }

    static func read(_ text: String) throws(Failure) -> JSONValue {
        var text = text
        let result: Result<JSONValue, Failure> = text.withUTF8 { utf8 in
            Result { () throws(Failure) in try read(UnsafeRawBufferPointer(utf8)) }
        }
        return try result.get()
    }

    private func failure(_ what: String) -> Failure {
        Failure(what: what, offset: cursor.position)
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        values += 1
        guard values <= Self.maximumValues else { throw failure("it holds more than \(Self.maximumValues) values") }
        switch cursor.current {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "t") where cursor.skip(word: "true"): return .bool(true)
        case UInt8(ascii: "f") where cursor.skip(word: "false"): return .bool(false)
        case UInt8(ascii: "n") where cursor.skip(word: "null"): return .null
        case UInt8(ascii: "-"), .some(0x30...0x39):
            guard let range = cursor.number() else { throw failure("a number is malformed") }
            return .number(String(decoding: cursor.bytes[range], as: UTF8.self))
        case nil: throw failure("it ends too early")
        default: throw failure("a value is expected")
        }
    }

    private mutating func string() throws(Failure) -> JSONValue {
        guard let text = cursor.string() else { throw failure("a string is malformed or has no end") }
        return Self.decode(text, in: cursor.bytes)
    }

    static func decode(_ text: JSONCursor.Text, in bytes: UnsafeRawBufferPointer) -> JSONValue {
        let content = UnsafeRawBufferPointer(rebasing: bytes[text.range])
        var output: [UInt8] = []
        if text.hasEscapes {
            output.reserveCapacity(content.count)
            JSONEscape.decode(content, into: &output, keepingHalves: true)
            return String(validating: output, as: UTF8.self).map { .string($0) } ?? .illFormed(output)
        }
        if let string = String(validating: content, as: UTF8.self) { return .string(string) }
        output.append(contentsOf: content)
        return .illFormed(output)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw failure("it nests deeper than \(Self.maximumDepth) levels") }
        cursor.position += 1
        cursor.skipWhitespace()
        if cursor.skip(UInt8(ascii: "]")) { return .array([]) }
        var elements: [JSONValue] = []
        while true {
            cursor.skipWhitespace()
            elements.append(try value(depth: depth))
            cursor.skipWhitespace()
            if cursor.skip(UInt8(ascii: "]")) { return .array(elements) }
            guard cursor.skip(UInt8(ascii: ",")) else { throw failure("a comma or ] is expected") }
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONValue {
        guard depth <= Self.maximumDepth else { throw failure("it nests deeper than \(Self.maximumDepth) levels") }
        cursor.position += 1
        cursor.skipWhitespace()
        if cursor.skip(UInt8(ascii: "}")) { return .object([]) }
        var members: [JSONValue.Member] = []
        while true {
            cursor.skipWhitespace()
            let name = try string().string ?? ""
            cursor.skipWhitespace()
            guard cursor.skip(UInt8(ascii: ":")) else { throw failure("a colon is expected") }
            cursor.skipWhitespace()
            members.append(JSONValue.Member(name: name, value: try value(depth: depth)))
            cursor.skipWhitespace()
            if cursor.skip(UInt8(ascii: "}")) { return .object(members) }
            guard cursor.skip(UInt8(ascii: ",")) else { throw failure("a comma or } is expected") }
        }
    }
}
