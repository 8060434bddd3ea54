import Testing
import YAML

@Suite("Encodings")
struct EncodingTests {
    private let text = "ключ: 日本 😀\nb: x\n"

    @Test("UTF-8 and UTF-16 with a byte order mark give the same text and places")
    func encodings() throws {
        let utf8 = Array(text.utf8)
        for bytes in [utf8, [0xEF, 0xBB, 0xBF] + utf8, text.utf16LittleEndian, text.utf16BigEndian] {
            let document = try YAMLParser.parse(bytes, name: "p.yaml")
            #expect(document.source.text == text)
            #expect(document.root?["ключ"]?.asString == "日本 😀")
            #expect("\(document.root?["ключ"]?.range, default: "")" == "1:7-1:11")
        }
    }

    @Test("a byte that is not UTF-8 is shown at its place")
    func invalidUTF8() throws {
        #expect(
            try failure([0x61, 0x3A, 0x0A, 0xC3, 0xA9, 0x20, 0xFF, 0x21]).description == """
                p.yaml:2:3: error: the byte 0xFF is not valid UTF-8 here [invalid-utf8]
                   2 | é \u{FFFD}!
                     |   ^
                hint: save the file as UTF-8
                """)
    }

    @Test(
        "cut, overlong and surrogate UTF-8 is an error at the character's first byte",
        arguments: [
            [0x61, 0xE6, 0x97], [0x61, 0xC0, 0x80], [0x61, 0xED, 0xA0, 0x80], [0x61, 0xF5, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func otherInvalidUTF8(_ bytes: [UInt8]) throws {
        let error = try failure(bytes)
        #expect(error.code == "invalid-utf8")
        #expect(error.range.start == YAMLPosition(line: 1, column: 2))
    }

    @Test("half a UTF-16 character is an error at its place")
    func invalidUTF16() throws {
        let lone = try failure([0xFF, 0xFE, 0x61, 0, 0x0A, 0, 0x62, 0, 0x00, 0xDC, 0x63, 0])
        #expect(lone.message == "the UTF-16 unit 0xDC00 is an unpaired surrogate")
        #expect(lone.range.start == YAMLPosition(line: 2, column: 2))
        #expect(
            try failure([0xFE, 0xFF, 0, 0x61, 0xD8, 0x00]).message
                == "the UTF-16 unit 0xD800 is an unpaired surrogate")
        #expect(try failure([0xFE, 0xFF, 0, 0x61, 0]).message == "the UTF-16 text ends in the middle of a character")
    }

    @Test("UTF-32 and UTF-16 without a byte order mark are named")
    func unsupported() throws {
        #expect(try failure([0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0]).message == "the file is UTF-32, which is not supported")
        let error = try failure([0x61, 0, 0x3A, 0])
        #expect(error.code == "control-character")
        #expect(error.hint == "the file looks like UTF-16 without a byte order mark; save it as UTF-8")
    }

    @Test("a control character is shown by its code, and by its picture in the line")
    func controlCharacters() throws {
        #expect(
            try failure("a: 1\nb: x\u{1B}[31m\n").description == #"""
                p.yaml:2:5: error: the character U+001B (a control character) is not allowed in YAML [control-character]
                   2 | b: x␛[31m
                     |     ^
                hint: remove it, or write it as "\x1B" in double quotes
                """#)
        #expect(try failure("a: \u{0}").message == "the character U+0000 (NUL) is not allowed in YAML")
        #expect(try failure("a: \u{FFFE}").message == "the character U+FFFE (not a character) is not allowed in YAML")
        #expect(
            try failure("a: \u{7F}").message == "the character U+007F (a control character) is not allowed in YAML")
    }

    @Test(
        "a line break of YAML 1.1 is refused wherever it stands",
        arguments: [
            "a: 1 # note\u{2028}b: 2", "a: |\n  one\u{2028}b: 2", "a: x\u{2028}b: 2", "a: 'x\u{2028} y'",
            "a: \"x\u{2028} y\"", "a: [x,\u{2028} y]", "a\u{2028}b: 1", "\u{2028}",
        ])
    func lineSeparators(_ text: String) throws {
        for (scalar, name, escape) in [
            ("\u{2028}", "2028 (a line separator)", #"\L"#), ("\u{2029}", "2029 (a paragraph separator)", #"\P"#),
            ("\u{85}", "0085 (a next line)", #"\N"#),
        ] {
            let text = text.replacing("\u{2028}", with: scalar)
            let place = try #require(text.unicodeScalars.firstIndex { String($0) == scalar })
            let lines = text.unicodeScalars[..<place].split(separator: "\n", omittingEmptySubsequences: false)
            for bytes in [Array(text.utf8), text.utf16LittleEndian] {
                let error = try failure(bytes)
                #expect(error.code == "control-character")
                #expect(
                    error.message
                        == "the character U+\(name) is not allowed: YAML 1.1 reads it as a line break, YAML 1.2 and "
                        + "editors do not")
                #expect(error.hint == "remove it, or write it as \"\(escape)\" in double quotes")
                #expect(
                    error.range.start == YAMLPosition(line: lines.count, column: (lines.last?.count ?? 0) + 1))
            }
        }
    }

    @Test("an escaped line break of YAML 1.1 is a character of the text")
    func escapedLineSeparators() throws {
        #expect(try root(#""a\Lb\Pc\N""#).asString == "a\u{2028}b\u{2029}c\u{85}")
    }

    @Test("an escaped control character is allowed, and NUL too")
    func escapedControlCharacters() throws {
        #expect(try root(#""a\0b\x1B""#).asString == "a\0b\u{1B}")
    }
}
