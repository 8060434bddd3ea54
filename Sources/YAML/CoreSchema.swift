/// The core schema of YAML 1.2, section 10.3.2: what a plain scalar means.
enum CoreSchema {
    /// The value of a plain scalar without a tag.
    static func resolve(_ text: String) -> YAMLScalarValue {
        // Fast path: most scalars are words, which the first character reveals.
        guard let first = text.utf8.first else { return .null }
        switch first {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            return integer(text) ?? float(text) ?? .string(text)
        case UInt8(ascii: "~"), UInt8(ascii: "n"), UInt8(ascii: "N"):
            return null(text) ?? .string(text)
        case UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "f"), UInt8(ascii: "F"):
            return bool(text) ?? .string(text)
        default:
            return .string(text)
        }
    }

    static func null(_ text: String) -> YAMLScalarValue? {
        switch text {
        case "", "~", "null", "Null", "NULL": .null
        default: nil
        }
    }

    static func bool(_ text: String) -> YAMLScalarValue? {
        switch text {
        case "true", "True", "TRUE": .bool(true)
        case "false", "False", "FALSE": .bool(false)
        default: nil
        }
    }

    /// `[-+]?[0-9]+`, `0o[0-7]+` or `0x[0-9a-fA-F]+`; a number of more than 64 bits becomes a float.
    static func integer(_ text: String) -> YAMLScalarValue? {
        let radix = text.hasPrefix("0x") ? 16 : text.hasPrefix("0o") ? 8 : 10
        let signed = text.hasPrefix("-") || text.hasPrefix("+")
        let digits = text.utf8.dropFirst(radix != 10 ? 2 : signed ? 1 : 0)
        guard !digits.isEmpty, digits.allSatisfy({ digitValue($0) < radix }) else { return nil }
        if let number = Int64(radix == 10 ? text[...] : Substring(digits), radix: radix) { return .int(number) }
        if radix == 10 { return Double(text).map(YAMLScalarValue.float) }
        return .float(digits.reduce(0) { $0 * Double(radix) + Double(digitValue($1)) })
    }

    /// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, the infinities and not-a-number.
    static func float(_ text: String) -> YAMLScalarValue? {
        switch text {
        case ".nan", ".NaN", ".NAN": return .float(.nan)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .float(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .float(-.infinity)
        default: break
        }
        var rest = text.utf8[...]
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        let whole = dropDigits(&rest)
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            fraction = dropDigits(&rest)
        }
        guard whole + fraction > 0 else { return nil }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
            guard dropDigits(&rest) > 0 else { return nil }
        }
        return rest.isEmpty ? Double(text).map(YAMLScalarValue.float) : nil
    }

    private static func dropDigits(_ text: inout Substring.UTF8View) -> Int {
        let digits = text.prefix { digitValue($0) < 10 }.count
        text.removeFirst(digits)
        return digits
    }

    private static func digitValue(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: 99
        }
    }
}

/// The tags a document may use: those of the core schema, and the non-specific tag `!`.
enum CoreTag: String, CaseIterable {
    case string = "!!str"
    case integer = "!!int"
    case float = "!!float"
    case bool = "!!bool"
    case null = "!!null"
    case sequence = "!!seq"
    case mapping = "!!map"
    case nonSpecific = "!"

    /// The tag with this full name; nil for a tag that the core schema does not have.
    init?(fullName: String) {
        self.init(rawValue: Self.shorthand(fullName))
    }

    /// The shorthand of a full tag name: `!!str` for `tag:yaml.org,2002:str`, `!mine`, `!<other>`.
    static func shorthand(_ fullName: String) -> String {
        let prefix = "tag:yaml.org,2002:"
        if fullName.hasPrefix(prefix) { return "!!" + fullName.dropFirst(prefix.count) }
        return fullName.hasPrefix("!") ? fullName : "!<\(fullName)>"
    }

    /// The value of a scalar with this tag; nil if its text does not match the tag.
    func value(of text: String) -> YAMLScalarValue? {
        switch self {
        case .string, .nonSpecific: return .string(text)
        case .integer: return CoreSchema.integer(text)
        case .bool: return CoreSchema.bool(text)
        case .null: return CoreSchema.null(text)
        case .sequence, .mapping: return nil
        case .float:
            if case .int(let number)? = CoreSchema.integer(text) { return .float(Double(number)) }
            return CoreSchema.float(text)
        }
    }

    /// The kind of value that the tag denotes, for messages.
    var meaning: String {
        switch self {
        case .string, .nonSpecific: "a string"
        case .integer: "a whole number"
        case .float: "a number"
        case .bool: "true or false"
        case .null: "null"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}

/// Checks that a tag is allowed and that the value matches it.
struct TagRules {
    let source: YAMLSource

    /// The tag of a node, if it has one.
    func tag(_ properties: YAMLEvent.Properties, _ range: YAMLRange) throws(YAMLError) -> CoreTag? {
        guard let name = properties.tag else { return nil }
        guard let tag = CoreTag(fullName: name) else {
            let known = CoreTag.allCases.filter { $0 != .nonSpecific }.map(\.rawValue).joined(separator: " ")
            throw YAMLError(
                code: YAMLErrorCode.unknownTag,
                message: "the tag \(source.quoted(CoreTag.shorthand(name), at: range.start)) is unknown",
                range: source.rangeOfTag(in: range), source: source,
                hint: "remove it, or put the text in quotes if \"!\" is part of it; known tags: \(known)")
        }
        return tag
    }

    /// The value of a scalar by its tag, or by the core schema if it has none.
    func value(
        of text: String, _ style: YAMLScalarStyle, _ tag: CoreTag?, _ range: YAMLRange
    ) throws(YAMLError) -> YAMLScalarValue {
        guard let tag else { return style == .plain ? CoreSchema.resolve(text) : .string(text) }
        guard let value = tag.value(of: text) else {
            throw mismatch(tag, "\(source.quoted(text, at: range.start)) is not \(tag.meaning)", range)
        }
        return value
    }

    /// Rejects a number that overflows to infinity, such as `1e400` or the commit hash `12e4567`.
    func checkRange(_ value: YAMLScalarValue, of text: String, _ range: YAMLRange) throws(YAMLError) {
        guard case .float(let number) = value, number.isInfinite, !text.lowercased().hasSuffix("inf") else { return }
        throw YAMLError(
            code: YAMLErrorCode.numberTooLarge,
            message: "the number \(source.quoted(text, at: range.start)) is too large", range: range, source: source,
            hint: "put it in quotes if it is meant as text")
    }

    /// Rejects a collection whose tag is that of another kind.
    func check(_ tag: CoreTag?, _ kind: CoreTag, _ range: YAMLRange) throws(YAMLError) {
        guard let tag, tag != kind, tag != .nonSpecific else { return }
        throw mismatch(tag, "\(kind.meaning) is not \(tag.meaning)", range)
    }

    private func mismatch(_ tag: CoreTag, _ fact: String, _ range: YAMLRange) -> YAMLError {
        YAMLError(
            code: YAMLErrorCode.tagMismatch, message: "\(fact), but has the tag \"\(tag.rawValue)\"",
            range: source.rangeOfTag(in: range), source: source,
            hint: "remove the tag or correct the value")
    }
}

extension YAMLSource {
    /// The place of the tag among the properties that a node begins with.
    fileprivate func rangeOfTag(in range: YAMLRange) -> YAMLRange {
        // The range of a collection start event ends before its first value.
        let bytes = self.bytes(in: YAMLRange(start: range.start, end: max(range.end, range.start)))
        guard let tag = ScalarProperties.tag(in: bytes) else { return range }
        let start = byteOffset(of: range.start)
        return YAMLRange(start: position(ofByte: start + tag.lowerBound), end: position(ofByte: start + tag.upperBound))
    }
}

extension String {
    /// At most 60 characters of a text, without control characters, for messages.
    var shortened: String {
        let start = unicodeScalars.prefix(61)
        let shown = start.prefix(60).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        return String(String.UnicodeScalarView(shown)) + (start.count > 60 ? "…" : "")
    }
}
