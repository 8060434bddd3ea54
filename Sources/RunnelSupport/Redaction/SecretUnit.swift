/// One character of a secret, with all the ways in which an encoder may write it.
///
/// Encodings count alone, two in a row (an escaped URL in HTML), and with JSON around those. Each may be applied to some
/// characters and not to others, so that it does not matter which characters an encoder leaves as they are.
struct SecretUnit: Sendable {
    /// The first is the character as it is. The journal refers to them by index, so new ones go to the end.
    let spellings: [[UInt8]]
    /// Whether indentation may follow.
    let isLineBreak: Bool
    /// The byte of the character as it is, where no other spelling begins with it.
    let plainByte: UInt8?
    /// The bytes that the other spellings begin with.
    private let otherBeginnings: Set<UInt8>

    /// How many spaces and tabs may follow a line break.
    static let longestIndentation = 64

    /// - Parameters:
    ///   - character: One scalar, or the line break CRLF.
    ///   - joinsLines: Whether a line break may have become a space, or have been left out.
    init(_ character: String, joinsLines: Bool) {
        let isLineBreak = character == "\n" || character == "\r" || character == "\r\n"
        self.init(
            character, isLineBreak: isLineBreak,
            others: isLineBreak ? Self.lineBreaks(joined: joinsLines) : Self.spellings(of: character))
    }

    /// A character of an encoded secret: letters and digits are what every encoder leaves as they are.
    init(ofEncoded byte: UInt8) {
        let character = String(Unicode.Scalar(byte))
        self.init(character, isLineBreak: false, others: "+/=".utf8.contains(byte) ? Self.spellings(of: character) : [])
    }

    private init(_ character: String, isLineBreak: Bool, others texts: [String]) {
        self.isLineBreak = isLineBreak
        let literal = Array(character.utf8)
        var all = [literal]
        var known: Set<[UInt8]> = [literal]
        for text in texts {
            let spelling = Array(text.utf8)
            if known.insert(spelling).inserted { all.append(spelling) }
        }
        spellings = all
        let others = all.dropFirst()
        otherBeginnings = Set(others.compactMap(\.first))
        plainByte = literal.count == 1 && !isLineBreak && !otherBeginnings.contains(literal[0]) ? literal[0] : nil
    }

    /// Whether a spelling other than the character itself can begin with the byte.
    func isBeginning(_ byte: UInt8) -> Bool { otherBeginnings.contains(byte) }

    private static func lineBreaks(joined: Bool) -> [String] {
        [
            "\n", "\r\n", "\r", #"\n"#, #"\r\n"#, #"\\n"#, #"\\r\\n"#, #"\\\\n"#, #"\\\\r\\\\n"#, "%0A", "%0a",
            "%0D%0A", "%0d%0a", "%250A",
            "%250a",
            "%250D%250A", "%250d%250a", #"\u000a"#, #"\u000A"#, #"\u000d\u000a"#, #"\u000D\u000A"#, #"\x0a"#, "&#10;",
            "&#xA;", "&#xa;", "&#13;&#10;", "&#xD;&#xA;", "&#xd;&#xa;",
        ] + (joined ? [" ", "+", "%20", ""] : [])
    }

    private static func spellings(of character: String) -> [String] {
        guard let scalar = character.unicodeScalars.first else { return [] }
        let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
        // No encoder has to change letters and digits, but some do.
        if isPlain { return [true, false].flatMap { [percentEncoded(character, $0), unicodeEscaped(character, $0)] } }
        let quoted = [character] + quotings(of: scalar)
        let once = quoted.flatMap(encodings)
        let twice = once.flatMap(encodings)
        return quoted + once + twice + twice.map { jsonEscaped($0) }
    }

    /// In a string of a shell, of SQL or in CSV, or behind a backslash.
    private static func quotings(of scalar: Unicode.Scalar) -> [String] {
        var all: [String] = []
        if scalar == "'" { all += [#"'\''"#, #"'"'"'"#, "''"] }
        if scalar == "\"" { all.append("\"\"") }
        if let letter = letters[scalar] { all.append("\\" + letter) }
        if scalar.isASCII, scalar.value >= 0x20, scalar.value != 0x7F { all.append("\\" + String(scalar)) }
        return all
    }

    private static func encodings(of text: String) -> [String] {
        var all = [jsonEscaped(text), jsonEscaped(text, escapesSlash: true)]
        all += ["&#39;", "&#039;", "&#x27;", "&apos;"].map { htmlEscaped(text, apostrophe: $0) }
        let scalars = text.unicodeScalars
        for isUpper in [true, false] {
            all.append(percentEncoded(text, isUpper))
            guard scalars.count == 1, let scalar = scalars.first else { continue }
            all += [
                unicodeEscaped(text, isUpper), text.utf8.map { #"\x"# + hex(UInt32($0), 2, isUpper) }.joined(),
                "&#x\(hex(scalar.value, 1, isUpper));",
            ]
        }
        if scalars.count == 1, let scalar = scalars.first { all.append("&#\(scalar.value);") }
        if text == " " { all.append("+") }
        return all
    }

    private static let letters: [Unicode.Scalar: String] = ["\t": "t", "\u{8}": "b", "\u{C}": "f"]
    private static let entities: [Unicode.Scalar: String] = ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;"]

    private static func jsonEscaped(_ text: String, escapesSlash: Bool = false) -> String {
        rewritten(text) { scalar in
            let isEscaped = scalar == "\"" || scalar == "\\" || scalar == "/" && escapesSlash
            return isEscaped ? "\\" + String(scalar) : letters[scalar].map { "\\" + $0 }
        }
    }

    private static func htmlEscaped(_ text: String, apostrophe: String) -> String {
        rewritten(text) { $0 == "'" ? apostrophe : entities[$0] }
    }

    /// A character by itself whatever it is; of several, those that are reserved (RFC 3986, section 2.2).
    private static func percentEncoded(_ text: String, _ isUpper: Bool) -> String {
        let isSingle = text.unicodeScalars.count == 1
        return text.utf8.map { byte in
            let isReserved = !(0x30...0x39).contains(byte) && !(0x41...0x5A).contains(byte & 0xDF)
            return isReserved || isSingle ? "%" + hex(UInt32(byte), 2, isUpper) : String(Unicode.Scalar(byte))
        }.joined()
    }

    private static func unicodeEscaped(_ text: String, _ isUpper: Bool) -> String {
        text.utf16.map { #"\u"# + hex(UInt32($0), 4, isUpper) }.joined()
    }

    private static func rewritten(_ text: String, _ body: (Unicode.Scalar) -> String?) -> String {
        text.unicodeScalars.map { body($0) ?? String($0) }.joined()
    }

    private static func hex(_ number: UInt32, _ width: Int, _ isUpper: Bool) -> String {
        let digits = String(number, radix: 16, uppercase: isUpper)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

/// How one character of a secret was written in some text.
struct SpellingChoice: Equatable {
    /// Into ``SecretUnit/spellings``.
    var index: Int
    /// The indentation behind a line break.
    var indentation: [UInt8] = []
}

extension [SpellingChoice] {
    /// Such as `0*5,2,0*3`: how often which spelling follows. Indentation stands behind the number as it is.
    var code: String {
        var runs: [(choice: SpellingChoice, count: Int)] = []
        for choice in self {
            if runs.last?.choice == choice {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((choice, 1))
            }
        }
        return runs.map { choice, count in
            let text = "\(choice.index)" + String(decoding: choice.indentation, as: UTF8.self)
            return count == 1 ? text : "\(text)*\(count)"
        }.joined(separator: ",")
    }

    /// Reads ``code``; nil where it is none or stands for more than `limit` characters.
    init?(code: Substring, limit: Int) {
        self = []
        for run in code.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = run.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
            let digits = parts[0].prefix { $0.isNumber }
            let indentation = parts[0].dropFirst(digits.count)
            guard let index = Int(digits), let times = parts.count == 1 ? 1 : Int(parts[1]),
                (1...Swift.max(1, limit)).contains(times), count + times <= limit,
                indentation.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 })
            else { return nil }
            append(
                contentsOf: repeatElement(
                    SpellingChoice(index: index, indentation: Array<UInt8>(indentation.utf8)), count: times))
        }
    }
}
