/// A parameter of a statement, sent in binary form. Arrays take many rows in one statement: `unnest($1, $2)`.
///
/// An array of NULLs alone is sent without elements: `unnest` fills up shorter arrays with NULL.
package enum PostgresParameter: Sendable {
    case text(String?)
    case int(Int64?)
    case bool(Bool?)
    case bytes([UInt8]?)
    case texts([String?])
    case ints([Int64?])
    case bools([Bool?])
    case byteArrays([[UInt8]?])

    /// The object id of the type, as in `pg_type`.
    var type: UInt32 {
        switch self {
        case .text: 25
        case .int: 20
        case .bool: 16
        case .bytes: 17
        case .texts: 1009
        case .ints: 1016
        case .bools: 1000
        case .byteArrays: 1001
        }
    }

    /// Appends the binary form.
    ///
    /// - Returns: The number of bytes; nil for NULL.
    func encode(into buffer: inout [UInt8]) -> Int? {
        let start = buffer.count
        switch self {
        case .text(let text):
            guard let text else { return nil }
            Self.append(text, to: &buffer)
        case .int(let number):
            guard let number else { return nil }
            Self.append(number, to: &buffer)
        case .bool(let flag):
            guard let flag else { return nil }
            buffer.append(flag ? 1 : 0)
        case .bytes(let bytes):
            guard let bytes else { return nil }
            buffer += bytes
        case .texts(let items): Self.encode(items, of: 25, into: &buffer, Self.append)
        case .ints(let items): Self.encode(items, of: 20, into: &buffer) { Self.append($0, to: &$1) }
        case .bools(let items): Self.encode(items, of: 16, into: &buffer) { $1.append($0 ? 1 : 0) }
        case .byteArrays(let items): Self.encode(items, of: 17, into: &buffer) { $1 += $0 }
        }
        return buffer.count - start
    }

    /// Text of PostgreSQL cannot hold a zero byte.
    private static func append(_ text: String, to buffer: inout [UInt8]) {
        let start = buffer.count
        buffer += text.utf8
        guard buffer[start...].contains(0) else { return }
        buffer.removeSubrange(start...)
        for byte in text.utf8 {
            if byte == 0 { buffer += [0xEF, 0xBF, 0xBD] } else { buffer.append(byte) }
        }
    }

    private static func append(_ number: some FixedWidthInteger, to buffer: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { buffer += $0 }
    }

    private static func encode<Item>(
        _ items: [Item?], of type: Int32, into buffer: inout [UInt8], _ body: (Item, inout [UInt8]) -> Void
    ) {
        let hasElements = items.contains { $0 != nil }
        // The number of dimensions, whether there are NULLs, and the type.
        append(Int32(hasElements ? 1 : 0), to: &buffer)
        append(Int32(hasElements && items.contains { $0 == nil } ? 1 : 0), to: &buffer)
        append(type, to: &buffer)
        guard hasElements else { return }
        append(Int32(clamping: items.count), to: &buffer)
        append(Int32(1), to: &buffer)
        for item in items {
            let place = buffer.count
            guard let item else {
                append(Int32(-1), to: &buffer)
                continue
            }
            append(Int32(0), to: &buffer)
            body(item, &buffer)
            let length = Int32(clamping: buffer.count - place - 4)
            withUnsafeBytes(of: length.bigEndian) { buffer.replaceSubrange(place..<place + 4, with: $0) }
        }
    }
}

/// A statement with its parameters.
package struct PostgresStatement: Sendable {
    package var sql: String
    package var parameters: [PostgresParameter]

    package init(_ sql: String, _ parameters: PostgresParameter...) {
        self.sql = sql
        self.parameters = parameters
    }

    package init(_ sql: String, parameters: [PostgresParameter]) {
        self.sql = sql
        self.parameters = parameters
    }
}
