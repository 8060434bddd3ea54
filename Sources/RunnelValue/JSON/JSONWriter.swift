extension Value {
    /// The value as JSON text.
    ///
    /// Binary data becomes a base64 string. A number that JSON cannot write (infinity, not a number) becomes null.
    /// - Parameter pretty: Two spaces of indentation and a line for each member, instead of one line.
    public func json(pretty: Bool = false) -> String {
        String(decoding: jsonBytes(pretty: pretty), as: UTF8.self)
    }

    /// The value as JSON in UTF-8.
    public func jsonBytes(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(pretty: pretty)
        writer.write(self, depth: 0)
        return writer.output
    }

    /// Writes the value as JSON in pieces of about `size` bytes, so that the whole text is never in memory.
    package func writeJSON(piece size: Int, to sink: @escaping ([UInt8]) -> Void) {
        var writer = JSONWriter(pretty: false, piece: size, sink: sink)
        writer.write(self, depth: 0)
        writer.flush()
    }
}

/// Writes JSON (RFC 8259) into a buffer, or in pieces into a sink.
package struct JSONWriter {
    /// What is written and not flushed.
    package private(set) var output: [UInt8] = []
    private let pretty: Bool
    /// How large the buffer grows before the sink is given what is in it, in bytes.
    private let piece: Int
    private let sink: (([UInt8]) -> Void)?

    /// A writer of compact JSON into the buffer.
    package init() {
        self.init(pretty: false)
    }

    fileprivate init(pretty: Bool, piece: Int = .max, sink: (([UInt8]) -> Void)? = nil) {
        self.pretty = pretty
        self.piece = piece
        self.sink = sink
        output.reserveCapacity(256)
    }

    fileprivate mutating func flush() {
        guard let sink, !output.isEmpty else { return }
        sink(output)
        output.removeAll(keepingCapacity: true)
    }

    package mutating func write(_ value: Value) { write(value, depth: 0) }

    /// Writes what is JSON already: brackets, separators and keys.
    package mutating func write(raw json: StaticString) {
        json.withUTF8Buffer { output.append(contentsOf: $0) }
    }

    fileprivate mutating func write(_ value: Value, depth: Int) {
        if output.count >= piece { flush() }
        switch value {
        case .null: write(raw: "null")
        case .bool(let value): write(raw: value ? "true" : "false")
        case .int(let value): output.append(contentsOf: String(value).utf8)
        case .double(let value): output.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): write(value)
        case .bytes(let value): writeBase64(value)
        case .list(let items):
            output.append(UInt8(ascii: "["))
            for index in items.indices {
                separate(first: index == 0, depth: depth + 1)
                write(items[index], depth: depth + 1)
            }
            if !items.isEmpty { newline(depth: depth) }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            for index in object.indices {
                separate(first: index == 0, depth: depth + 1)
                let (key, value) = object[index]
                write(key)
                output.append(UInt8(ascii: ":"))
                if pretty { output.append(UInt8(ascii: " ")) }
                write(value, depth: depth + 1)
            }
            if !object.isEmpty { newline(depth: depth) }
            output.append(UInt8(ascii: "}"))
        }
    }

    private mutating func separate(first: Bool, depth: Int) {
        if !first { output.append(UInt8(ascii: ",")) }
        newline(depth: depth)
    }

    private mutating func newline(depth: Int) {
        guard pretty else { return }
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }

    /// Writes a string, in quotes and with escapes.
    package mutating func write(_ text: String) {
        output.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            let cursor = JSONCursor(UnsafeRawBufferPointer(bytes))
            var plain = 0
            var index = cursor.plainEnd(from: 0)
            while index < bytes.count {
                let byte = bytes[index]
                index += 1
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                append(UnsafeBufferPointer(rebasing: bytes[plain..<(index - 1)]))
                writeEscape(of: byte)
                plain = index
                index = cursor.plainEnd(from: plain)
            }
            append(UnsafeBufferPointer(rebasing: bytes[plain...]))
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func writeEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): output.append(contentsOf: #"\""#.utf8)
        case UInt8(ascii: "\\"): output.append(contentsOf: #"\\"#.utf8)
        case 0x0A: output.append(contentsOf: #"\n"#.utf8)
        case 0x0D: output.append(contentsOf: #"\r"#.utf8)
        case 0x09: output.append(contentsOf: #"\t"#.utf8)
        default:
            let hex = String(byte, radix: 16)
            output.append(contentsOf: #"\u"#.utf8)
            output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - hex.utf8.count))
            output.append(contentsOf: hex.utf8)
        }
    }

    private mutating func writeBase64(_ bytes: [UInt8]) {
        output.append(UInt8(ascii: "\""))
        // A multiple of three, so that only the end is padded.
        let step = 48 << 10
        for start in stride(from: 0, to: bytes.count, by: step) {
            output.append(contentsOf: Base64.encode(bytes[start..<min(start + step, bytes.count)]).utf8)
            if output.count >= piece { flush() }
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        var rest = bytes
        while output.count + rest.count >= piece {
            let count = max(0, piece - output.count)
            output.append(contentsOf: rest.prefix(count))
            rest = UnsafeBufferPointer(rebasing: rest.dropFirst(count))
            flush()
        }
        output.append(contentsOf: rest)
    }
}
