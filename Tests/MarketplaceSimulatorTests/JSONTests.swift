import Testing

@testable import MarketplaceSimulator

@Suite("JSON")
struct JSONTests {
    @Test("what is read is written back with keys in order and numbers as they were spelt")
    func roundTrip() throws {
        let text = #"{"z":1,"a":[true,false,null,-0.50e+3],"ü":"こ\"\\\n\u0001","":{}}"#
        #expect(try JSONReader.read(text).text == text)
    }

    @Test("escapes become characters, surrogate pairs included")
    func escapes() throws {
        #expect(try JSONReader.read(#""\u00e9\uD83D\uDE00\/\b\f\ud800x""#) == .string("é😀/\u{8}\u{C}\u{FFFD}x"))
    }

    @Test(
        "malformed text is refused with the place",
        arguments: [
            ("", "the text ends where a value is expected", 0), ("{\"a\" 1}", "a colon is expected after the key", 5),
            ("[1,]", "a value is expected", 3), ("[1] 2", "something follows the value", 4),
            ("01", "something follows the value", 1),
            ("{a:1}", "a key in quotes is expected", 1), ("\"\t\"", "a control character must be escaped", 1),
            ("\"a", "the string does not end", 2), ("1.", "a digit is expected", 2), (#""\x""#, "an unknown escape", 2),
            ("[1 2]", "a comma or ] is expected", 3), ("{\"a\":1", "a comma or } is expected", 6),
            (#""\u12g4""#, "four hexadecimal digits are expected after \\u", 5),
        ])
    func malformed(text: String, message: String, offset: Int) {
        #expect(throws: JSONReader.Failure(message: message, offset: offset)) { try JSONReader.read(text) }
    }

    @Test("deep nesting and very many values are refused")
    func bounds() {
        let deep = String(repeating: "[", count: 200)
        #expect(throws: JSONReader.Failure(message: "nested deeper than 100 levels", offset: 101)) {
            try JSONReader.read(deep)
        }
        let many = "[" + String(repeating: "1,", count: 500_001) + "1]"
        #expect(throws: JSONReader.Failure.self) { try JSONReader.read(many) }
    }
}
