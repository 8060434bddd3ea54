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
}

/// Writes JSON (RFC 8259) into a buffer.
struct JSONWriter {
    var output: [UInt8] = []
    let pretty: Bool

    init(pretty: Bool) {
        self.pretty = pretty
    }

    mutating func write(_ value: Value, depth: Int) {
        switch value {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): output.append(contentsOf: String(value).utf8)
        case .double(let value): output.append(contentsOf: (value.isFinite ? "\(value)" : "null").utf8)
        case .string(let value): write(value)
        case .bytes(let value): write(Base64.encode(value))
        case .list(let items):
            bracket("[", "]", isEmpty: items.isEmpty, depth: depth) { writer in
                for (index, item) in items.enumerated() {
                    writer.separate(first: index == 0, depth: depth + 1)
                    writer.write(item, depth: depth + 1)
                }
            }
        case .object(let object):
            bracket("{", "}", isEmpty: object.isEmpty, depth: depth) { writer in
                for (index, member) in object.enumerated() {
                    writer.separate(first: index == 0, depth: depth + 1)
                    writer.write(member.key)
                    writer.output.append(contentsOf: (writer.pretty ? ": " : ":").utf8)
                    writer.write(member.value, depth: depth + 1)
                }
            }
        }
    }

    private mutating func bracket(
        _ open: String, _ close: String, isEmpty: Bool, depth: Int, _ body: (inout JSONWriter) -> Void
    ) {
        output.append(contentsOf: open.utf8)
        body(&self)
        if !isEmpty { newline(depth: depth) }
        output.append(contentsOf: close.utf8)
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

    private mutating func write(_ text: String) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): output.append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): output.append(contentsOf: #"\\"#.utf8)
            case 0x0A: output.append(contentsOf: #"\n"#.utf8)
            case 0x0D: output.append(contentsOf: #"\r"#.utf8)
            case 0x09: output.append(contentsOf: #"\t"#.utf8)
            case 0..<0x20:
                let hex = String(byte, radix: 16)
                output.append(contentsOf: #"\u"#.utf8)
                output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - hex.utf8.count))
                output.append(contentsOf: hex.utf8)
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
