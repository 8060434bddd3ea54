/// Parses a regular expression (ECMA-262, section 22.2.1, Unicode mode).
///
/// Like most implementations it is lenient where the meaning is unambiguous: punctuation may be escaped without need,
/// and a single `]`, `}` or `{` matches itself.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private static let maxDepth = 100

    init(_ source: String) {
        scalars = Array(source.unicodeScalars)
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard index == scalars.count else { throw PatternError(message: "unmatched \")\"") }
        return node
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maxDepth else {
            throw PatternError(message: "groups nest deeper than \(Self.maxDepth) levels")
        }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var parts: [PatternNode] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            let atom = try atom()
            parts.append(try quantified(atom))
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    // MARK: - Quantifiers

    private mutating func quantified(_ atom: PatternNode) throws(PatternError) -> PatternNode {
        let bounds: (Int, Int?)
        if take("*") {
            bounds = (0, nil)
        } else if take("+") {
            bounds = (1, nil)
        } else if take("?") {
            bounds = (0, 1)
        } else if let counted = try count() {
            bounds = counted
        } else {
            return atom
        }
        _ = take("?")
        switch atom {
        case .assertion, .look: throw PatternError(message: "nothing to repeat before a quantifier")
        default: break
        }
        return .repetition(atom, minimum: bounds.0, maximum: bounds.1)
    }

    /// `{2}`, `{2,}` or `{2,5}`; nil without consuming input for any other brace.
    private mutating func count() throws(PatternError) -> (Int, Int?)? {
        let start = index
        guard take("{"), let minimum = digits() else {
            index = start
            return nil
        }
        var maximum: Int? = minimum
        if take(",") { maximum = digits() }
        guard take("}") else {
            index = start
            return nil
        }
        if let maximum, maximum < minimum {
            throw PatternError(message: "reversed counts in {\(minimum),\(maximum)}")
        }
        return (minimum, maximum)
    }

    /// A number, clamped to a large maximum.
    private mutating func digits() -> Int? {
        var value: Int?
        while let scalar = peek, let digit = scalar.decimalDigit {
            value = min((value ?? 0) * 10 + digit, 1_000_000_000)
            index += 1
        }
        return value
    }

    // MARK: - Atoms

    private mutating func atom() throws(PatternError) -> PatternNode {
        guard let scalar = next() else { return .empty }
        switch scalar {
        case "^": return .assertion(.start)
        case "$": return .assertion(.end)
        case ".": return .set(.dot)
        case "(": return try group()
        case "[": return .set(try characterClass())
        case "\\": return try escape()
        case "*", "+", "?": throw PatternError(message: "nothing to repeat before \"\(scalar)\"")
        case "{":
            let start = index
            index -= 1
            if try count() != nil { throw PatternError(message: "nothing to repeat before \"{\"") }
            index = start
            return .scalar(scalar)
        default: return .scalar(scalar)
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        var look: (direction: PatternDirection, isNegated: Bool)?
        if take("?") {
            if take(":") {
                look = nil
            } else if take("=") {
                look = (.forward, false)
            } else if take("!") {
                look = (.forward, true)
            } else if take("<") {
                if take("=") {
                    look = (.backward, false)
                } else if take("!") {
                    look = (.backward, true)
                } else {
                    try groupName()
                }
            } else {
                let found = peek.map { "\"(?\($0)\"" } ?? "\"(?\" at the end"
                throw PatternError(message: "\(found) is not a group of ECMA-262")
            }
        }
        let node = try alternatives()
        guard take(")") else { throw PatternError(message: "unclosed group") }
        return look.map { .look(node, $0.direction, isNegated: $0.isNegated) } ?? node
    }

    private mutating func groupName() throws(PatternError) {
        var length = 0
        while let scalar = next(), scalar != ">" {
            guard scalar.properties.isIDContinue || scalar == "$" else {
                throw PatternError(message: "invalid character \"\(scalar)\" in the name of a group")
            }
            length += 1
        }
        guard length > 0, scalars[index - 1] == ">" else {
            throw PatternError(message: "unclosed name of a group")
        }
    }

    private mutating func escape() throws(PatternError) -> PatternNode {
        switch peek {
        case "b":
            index += 1
            return .assertion(.wordBoundary)
        case "B":
            index += 1
            return .assertion(.noWordBoundary)
        case "k": throw PatternError(message: "back references (\\k) are not supported")
        case .some(let scalar) where scalar.decimalDigit.map { $0 > 0 } == true:
            throw PatternError(message: "back references (\\\(scalar)) are not supported")
        default: break
        }
        if let set = try PatternEscape.set(&self) { return .set(set) }
        return .scalar(try PatternEscape.scalar(&self))
    }

    // MARK: - Character classes

    private mutating func characterClass() throws(PatternError) -> ScalarSet {
        let isNegated = take("^")
        var items: [ScalarSet.Item] = []
        while true {
            guard let scalar = next() else { throw PatternError(message: "unclosed \"[\"") }
            if scalar == "]" { return ScalarSet(items, isNegated: isNegated) }
            let first = try classAtom(scalar)
            guard peek == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
                items.append(first)
                continue
            }
            index += 1
            guard let scalar = next() else { throw PatternError(message: "unclosed \"[\"") }
            let last = try classAtom(scalar)
            guard case .range(let low) = first, case .range(let high) = last else {
                items += [first, .range(0x2D...0x2D), last]
                continue
            }
            guard low.lowerBound <= high.lowerBound else {
                throw PatternError(message: "reversed range in [ ]")
            }
            items.append(.range(low.lowerBound...high.lowerBound))
        }
    }

    private mutating func classAtom(_ scalar: Unicode.Scalar) throws(PatternError) -> ScalarSet.Item {
        guard scalar == "\\" else { return .range(scalar.value...scalar.value) }
        if take("b") { return .range(0x08...0x08) }
        if take("-") { return .range(0x2D...0x2D) }
        if let set = try PatternEscape.set(&self) { return .set(set) }
        let value = try PatternEscape.scalar(&self).value
        return .range(value...value)
    }

    // MARK: - Reading

    var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    mutating func next() -> Unicode.Scalar? {
        guard index < scalars.count else { return nil }
        index += 1
        return scalars[index - 1]
    }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        index += 1
        return true
    }

    /// The next `count` hexadecimal digits; nil without consuming input if they are not.
    mutating func hexDigits(_ count: Int) -> UInt32? {
        guard index + count <= scalars.count else { return nil }
        let text = String(String.UnicodeScalarView(scalars[index..<index + count]))
        guard text.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }), let value = UInt32(text, radix: 16)
        else { return nil }
        index += count
        return value
    }

    /// The characters up to `end`, which is consumed.
    mutating func text(upTo end: Unicode.Scalar) -> String? {
        guard let close = scalars[index...].firstIndex(of: end) else { return nil }
        defer { index = close + 1 }
        return String(String.UnicodeScalarView(scalars[index..<close]))
    }
}

extension Unicode.Scalar {
    var decimalDigit: Int? {
        ("0"..."9").contains(self) ? Int(value - 0x30) : nil
    }
}

/// The syntax tree of a regular expression.
indirect enum PatternNode {
    case empty
    case scalar(Unicode.Scalar)
    case set(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// Greediness does not affect whether there is a match.
    case repetition(PatternNode, minimum: Int, maximum: Int?)
    case assertion(PatternAssertion)
    case look(PatternNode, PatternDirection, isNegated: Bool)
}

/// A condition on a position.
enum PatternAssertion: Sendable {
    case start, end, wordBoundary, noWordBoundary
}

/// The matching direction: look-behind matches backwards.
enum PatternDirection: Sendable {
    case forward, backward
}

/// What follows a backslash in a pattern.
enum PatternEscape {
    /// A set of characters (`\d`, `\p{L}`, …); nil without consuming input for any other escape.
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
                throw PatternError(message: "unknown Unicode property \"\(name)\"")
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
            throw PatternError(message: "\"\\\(scalar)\" is not an escape of ECMA-262")
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
