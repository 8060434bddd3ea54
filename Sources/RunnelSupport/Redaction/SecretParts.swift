/// What of a secret is secret by itself: the whole, its lines, and the fields of one that is JSON.
enum SecretParts {
    /// Shorter lines and fields are words of other texts as well, such as `true` or `admin`.
    static let minimumLength = 8
    private static let maximumDepth = 4

    /// The secret first, then what it consists of. The order is the same for the same secret: the journal counts them.
    static func of(_ secret: String) -> [String] {
        var parts = [secret]
        // By bytes: strings that are canonically equivalent are equal.
        var known: Set<[UInt8]> = [Array(secret.utf8)]
        add(secret, to: &parts, &known, depth: 0)
        return parts
    }

    private static func add(_ text: String, to parts: inout [String], _ known: inout Set<[UInt8]>, depth: Int) {
        guard depth < maximumDepth else { return }
        let bytes = Array(text.utf8)
        let lines = bytes.split { $0 == 0x0A || $0 == 0x0D }.map(trimmed).filter { !$0.isEmpty }
        for line in lines {
            // What surrounds the only line of a secret does not make the rest of it less secret.
            let minimum = lines.count == 1 && depth == 0 ? SecretMatcher.minimumLength : minimumLength
            guard line.count >= minimum, !isBoundary(line) else { continue }
            if known.insert(Array(line)).inserted { parts.append(String(decoding: line, as: UTF8.self)) }
        }
        for field in JSONFields.of(bytes) where field.utf8.count >= minimumLength {
            if known.insert(Array(field.utf8)).inserted { parts.append(field) }
            add(field, to: &parts, &known, depth: depth + 1)
        }
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let byte = line.first, byte == 0x20 || byte == 0x09 { line.removeFirst() }
        while let byte = line.last, byte == 0x20 || byte == 0x09 { line.removeLast() }
        return line
    }

    /// `-----BEGIN … -----` and its end (RFC 7468) say what kind of key there is.
    private static func isBoundary(_ line: ArraySlice<UInt8>) -> Bool {
        (line.starts(with: "-----BEGIN ".utf8) || line.starts(with: "-----END ".utf8))
            && line.suffix(5).elementsEqual("-----".utf8)
    }
}

/// The strings and numbers of a JSON text, without its keys. What is not quite JSON is read as far as it goes.
private enum JSONFields {
    static func of(_ text: [UInt8]) -> [String] {
        guard let first = text.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        else { return [] }
        var fields: [String] = []
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\"") {
                let content = string(text, &index)
                let next = text[min(index, text.count)...].first { $0 > 0x20 }
                if next != UInt8(ascii: ":") { fields.append(content) }
            } else if isNumber(text[index]) {
                let end = text[index...].firstIndex { !isNumber($0) } ?? text.count
                fields.append(String(decoding: text[index..<end], as: UTF8.self))
                index = end
            } else {
                index += 1
            }
        }
        return fields
    }

    private static func isNumber(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte)
    }

    /// Reads a string that begins at `index`, and steps behind it.
    private static func string(_ text: [UInt8], _ index: inout Int) -> String {
        var content: [UInt16] = []
        var plain: [UInt8] = []
        func flush() {
            content += String(decoding: plain, as: UTF8.self).utf16
            plain = []
        }
        index += 1
        while index < text.count, text[index] != UInt8(ascii: "\"") {
            guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
                plain.append(text[index])
                index += 1
                continue
            }
            let letter = text[index + 1]
            index += 2
            switch letter {
            case UInt8(ascii: "n"): plain.append(0x0A)
            case UInt8(ascii: "r"): plain.append(0x0D)
            case UInt8(ascii: "t"): plain.append(0x09)
            case UInt8(ascii: "b"): plain.append(0x08)
            case UInt8(ascii: "f"): plain.append(0x0C)
            case UInt8(ascii: "u"):
                let digits = text[index..<min(index + 4, text.count)]
                guard let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16) else { continue }
                flush()
                content.append(unit)
                index += digits.count
            default: plain.append(letter)
            }
        }
        index += 1
        flush()
        return String(decoding: content, as: UTF16.self)
    }
}
