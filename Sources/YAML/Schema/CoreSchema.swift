/// The core schema of YAML 1.2, section 10.3.2: what a plain scalar means.
enum CoreSchema {
    /// The value of a plain scalar without a tag.
    static func resolve(_ text: String) -> YAMLScalarValue {
        // Most scalars are words; the first character tells them from everything else.
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
