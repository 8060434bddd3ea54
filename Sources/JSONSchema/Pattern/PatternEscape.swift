/// What follows a backslash in a pattern.
enum PatternEscape {
    /// A set of characters (`\d`, `\p{L}`, …); nil, having read nothing, for any other escape.
    static func set(_ parser: inout PatternParser) throws(PatternError) -> ScalarSet? {
        let set: ScalarSet
        switch parser.peek {
        case "d": set = .digits
        case "D": set = ScalarSet.digits.negated
        case "w": set = .words
        case "W": set = ScalarSet.words.negated
        case "s": set = .spaces
        case "S": set = ScalarSet.spaces.negated
        case "p", "P":
            let isNegated = parser.next() == "P"
            guard parser.take("{"), let name = parser.text(upTo: "}") else {
                throw PatternError(message: "\\p needs the name of a property in braces")
            }
            guard let property = ScalarProperty(name) else {
                throw PatternError(message: "the Unicode property \"\(name)\" is not known here")
            }
            return ScalarSet([.property(property)], isNegated: isNegated)
        default: return nil
        }
        _ = parser.next()
        return set
    }

    /// A single character.
    static func scalar(_ parser: inout PatternParser) throws(PatternError) -> Unicode.Scalar {
        guard let scalar = parser.next() else { throw PatternError(message: "the pattern ends in a backslash") }
        switch scalar {
        case "t": return "\t"
        case "n": return "\n"
        case "r": return "\r"
        case "f": return "\u{0C}"
        case "v": return "\u{0B}"
        case "0":
            if parser.peek?.decimalDigit != nil { throw PatternError(message: "\\0 stands before a digit") }
            return "\0"
        case "c":
            guard let letter = parser.next(), letter.isASCII, letter.properties.isAlphabetic,
                let control = Unicode.Scalar(letter.value % 32)
            else { throw PatternError(message: "\\c needs a letter") }
            return control
        case "x":
            guard let code = parser.hexDigits(2), let value = Unicode.Scalar(code) else {
                throw PatternError(message: "\\x needs two hexadecimal digits")
            }
            return value
        case "u": return try unicode(&parser)
        case _ where scalar.isASCII && (scalar.properties.isAlphabetic || scalar.decimalDigit != nil):
            throw PatternError(message: "\"\\\(scalar)\" is no escape of ECMA-262")
        default: return scalar
        }
    }

    private static func unicode(_ parser: inout PatternParser) throws(PatternError) -> Unicode.Scalar {
        if parser.take("{") {
            guard let digits = parser.text(upTo: "}"), let code = UInt32(digits, radix: 16),
                let value = Unicode.Scalar(code)
            else { throw PatternError(message: "\\u{…} needs the number of a character") }
            return value
        }
        guard let first = parser.hexDigits(4) else {
            throw PatternError(message: "\\u needs four hexadecimal digits")
        }
        if let value = Unicode.Scalar(first) { return value }
        guard first & 0xFC00 == 0xD800, parser.take("\\"), parser.take("u"), let second = parser.hexDigits(4),
            second & 0xFC00 == 0xDC00, let value = Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF)
        else { throw PatternError(message: "\\u has half of a surrogate pair") }
        return value
    }
}
