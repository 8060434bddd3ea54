/// Decodes a file's bytes and rejects characters that YAML does not allow (section 5.1), so that libyaml gets valid
/// input only. Also rejects those that are line breaks in YAML 1.1, and so in libyaml, but not in YAML 1.2
/// (section 5.4).
enum TextDecoder {
    /// The text without its byte order mark.
    ///
    /// - Parameter allowsOldLineBreaks: Whether UTF-8 may have the line breaks of YAML 1.1.
    static func decode(
        _ bytes: [UInt8], name: String, allowsOldLineBreaks: Bool = false
    ) throws(YAMLError) -> String {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) {
            throw YAMLError(
                code: YAMLErrorCode.unsupportedEncoding, message: "the file is UTF-32, which is not supported",
                range: YAMLRange(at: YAMLPosition(line: 1, column: 1)), source: YAMLSource(name: name, text: ""),
                hint: "save the file as UTF-8")
        }
        if bytes.starts(with: [0xFF, 0xFE]) { return try utf16(bytes.dropFirst(2), lowByte: 0, name: name) }
        if bytes.starts(with: [0xFE, 0xFF]) { return try utf16(bytes.dropFirst(2), lowByte: 1, name: name) }
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        guard let text = String(validating: content, as: UTF8.self) else {
            throw invalidUTF8(content, name: name)
        }
        let looksLikeUTF16 = bytes.count > 1 && (bytes[0] == 0) != (bytes[1] == 0)
        try refuseCharacters(
            text, name: name, looksLikeUTF16: looksLikeUTF16, allowsOldLineBreaks: allowsOldLineBreaks)
        return text
    }

    private static func utf16(
        _ bytes: ArraySlice<UInt8>, lowByte: Int, name: String
    ) throws(YAMLError) -> String {
        let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).map { index in
            UInt16(bytes[index + lowByte]) | UInt16(bytes[index + 1 - lowByte]) << 8
        }
        guard bytes.count.isMultiple(of: 2), let text = String(validating: units, as: UTF16.self) else {
            var valid = 0
            while valid < units.count {
                let width = UTF16.isLeadSurrogate(units[valid]) ? 2 : 1
                guard String(validating: units[valid..<min(valid + width, units.count)], as: UTF16.self) != nil
                else { break }
                valid += width
            }
            let found =
                valid < units.count
                ? "the UTF-16 unit 0x\(hex(UInt32(units[valid]), digits: 4)) is an unpaired surrogate"
                : "the UTF-16 text ends in the middle of a character"
            throw YAMLError(
                code: YAMLErrorCode.invalidUTF16, message: found,
                at: String(decoding: units[..<valid], as: UTF16.self),
                in: YAMLSource(name: name, text: String(decoding: units, as: UTF16.self)),
                hint: "save the file as UTF-8")
        }
        try refuseCharacters(text, name: name, looksLikeUTF16: false)
        return text
    }

    private static func invalidUTF8(_ bytes: ArraySlice<UInt8>, name: String) -> YAMLError {
        var valid = bytes.startIndex
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            valid += UTF8.width(scalar)
        }
        return YAMLError(
            code: YAMLErrorCode.invalidUTF8,
            message: valid < bytes.endIndex
                ? "the byte 0x\(hex(UInt32(bytes[valid]), digits: 2)) is not valid UTF-8 here"
                : "the file is not valid UTF-8",
            at: String(decoding: bytes[..<valid], as: UTF8.self),
            in: YAMLSource(name: name, text: String(decoding: bytes, as: UTF8.self)),
            hint: "save the file as UTF-8")
    }

    private static func refuseCharacters(
        _ text: String, name: String, looksLikeUTF16: Bool, allowsOldLineBreaks: Bool = false
    ) throws(YAMLError) {
        let refused = text.unicodeScalars.firstIndex { scalar in
            !isAllowed(scalar.value) && !(allowsOldLineBreaks && lineBreaks[scalar.value] != nil)
        }
        guard let index = refused else { return }
        let value = text.unicodeScalars[index].value
        let lineBreak = lineBreaks[value]
        let hint =
            if looksLikeUTF16 {
                "the file looks like UTF-16 without a byte order mark; save it as UTF-8"
            } else {
                "remove it, or write it as \"\(lineBreak?.escape ?? escape(value))\" in double quotes"
            }
        let reason =
            lineBreak == nil ? " in YAML" : ": YAML 1.1 reads it as a line break, YAML 1.2 and editors do not"
        throw YAMLError(
            code: YAMLErrorCode.controlCharacter,
            message: "the character U+\(hex(value, digits: 4)) (\(lineBreak?.name ?? kind(value))) "
                + "is not allowed\(reason)",
            at: String(text[..<index]), in: YAMLSource(name: name, text: text), hint: hint)
    }

    /// YAML's printable characters without ``lineBreaks``.
    private static func isAllowed(_ value: UInt32) -> Bool {
        switch value {
        case 0x2028, 0x2029: false
        case 0x20...0x7E, 0x09, 0x0A, 0x0D, 0xA0...0xFFFD, 0x1_0000...: true
        default: false
        }
    }

    /// The line breaks of YAML 1.1 that YAML 1.2 does not have. libyaml would end a comment or a line of a block scalar
    /// there, and read what follows as keys and values.
    private static let lineBreaks: [UInt32: (name: String, escape: String)] = [
        0x85: ("a next line", #"\N"#), 0x2028: ("a line separator", #"\L"#), 0x2029: ("a paragraph separator", #"\P"#),
    ]

    private static func escape(_ value: UInt32) -> String {
        value > 0xFF ? #"\u\#(hex(value, digits: 4))"# : #"\x\#(hex(value, digits: 2))"#
    }

    private static func kind(_ value: UInt32) -> String {
        switch value {
        case 0: "NUL"
        case 0xFFFE...0xFFFF: "not a character"
        default: "a control character"
        }
    }

    /// Hexadecimal in upper case, with at least this number of digits.
    static func hex(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension YAMLError {
    /// An error at the character that follows `prefix`, the beginning of the text.
    fileprivate init(code: YAMLErrorCode, message: String, at prefix: String, in source: YAMLSource, hint: String?) {
        let start = source.position(ofByte: prefix.utf8.count)
        let end = YAMLPosition(line: start.line, column: start.column + 1)
        self.init(code: code, message: message, range: YAMLRange(start: start, end: end), source: source, hint: hint)
    }
}
