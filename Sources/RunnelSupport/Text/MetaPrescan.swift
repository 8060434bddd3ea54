/// Looks for the encoding that an HTML page declares: the prescan of the HTML standard, section 13.2.3.2.
struct MetaPrescan {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    private var current: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    /// The label in the first `<meta>` that declares one, in lower case. Comments are skipped.
    mutating func label() -> String? {
        while let start = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
            position = start + 1
            if rest.starts(with: "!--".utf8) {
                position += 1
                skip(behind: "-->")
            } else if rest.prefix(4).elementsEqual("meta".utf8, by: { $0.lowercasedASCII == $1 }),
                let next = rest.dropFirst(4).first, next == UInt8(ascii: "/") || Self.isSpace(next)
            {
                position += 4
                if let label = labelOfMeta() { return label }
            } else if let first = (current == UInt8(ascii: "/") ? rest.dropFirst() : rest).first, Self.isLetter(first) {
                position = rest.firstIndex { Self.isSpace($0) || $0 == UInt8(ascii: ">") } ?? bytes.endIndex
                while attribute() != nil {}
            } else if let current, "!/?".utf8.contains(current) {
                skip(behind: ">")
            }
        }
        return nil
    }

    private var rest: ArraySlice<UInt8> { bytes[position...] }

    private mutating func labelOfMeta() -> String? {
        var attributes: [String: String] = [:]
        while let (name, value) = attribute() { attributes[name] = attributes[name] ?? value }
        if let label = attributes["charset"] { return label.isEmpty ? nil : label }
        guard attributes["http-equiv"] == "content-type" else { return nil }
        return attributes["content"].flatMap(Self.label(inContent:))
    }

    /// What stands behind `charset=` in the content of a `<meta>`.
    private static func label(inContent content: String) -> String? {
        var text = content[...]
        while let found = text.firstRange(of: "charset") {
            text = text[found.upperBound...].drop(while: \.isWhitespace)
            guard text.first == "=" else { continue }
            text = text.dropFirst().drop(while: \.isWhitespace)
            guard let quote = text.first, quote == "\"" || quote == "'" else {
                let label = text.prefix { !$0.isWhitespace && $0 != ";" }
                return label.isEmpty ? nil : String(label)
            }
            return text.dropFirst().firstIndex(of: quote).map { String(text[..<$0].dropFirst()) }
        }
        return nil
    }

    /// The next attribute of a tag, in lower case; nil where the tag, or what is looked at, ends.
    private mutating func attribute() -> (name: String, value: String)? {
        skip { Self.isSpace($0) || $0 == UInt8(ascii: "/") }
        guard let first = current, first != UInt8(ascii: ">") else { return nil }
        let nameStart = position
        // An equals sign at the beginning is a part of the name.
        position += 1
        skip { !Self.isSpace($0) && !"=/>".utf8.contains($0) }
        let name = text(from: nameStart)
        skip(while: Self.isSpace)
        guard current == UInt8(ascii: "=") else { return current == nil ? nil : (name, "") }
        position += 1
        skip(while: Self.isSpace)
        if let quote = current, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            position += 1
            let valueStart = position
            skip { $0 != quote }
            guard current != nil else { return nil }
            defer { position += 1 }
            return (name, text(from: valueStart))
        }
        let valueStart = position
        skip { !Self.isSpace($0) && $0 != UInt8(ascii: ">") }
        return current == nil ? nil : (name, text(from: valueStart))
    }

    private func text(from start: Int) -> String {
        String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
    }

    private mutating func skip(while isSkipped: (UInt8) -> Bool) {
        position = rest.firstIndex { !isSkipped($0) } ?? bytes.endIndex
    }

    private mutating func skip(behind text: String) {
        position = rest.firstRange(of: text.utf8)?.upperBound ?? bytes.endIndex
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte.lowercasedASCII) }
}
