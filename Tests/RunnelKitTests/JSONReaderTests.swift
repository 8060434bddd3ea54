import Testing

@testable import RunnelKit

@Suite("Reading JSON")
struct JSONReaderTests {
    @Test(
        "each kind of value is read",
        arguments: [
            ("null", Value.null), (" true ", true), ("false", false), ("0", 0), ("-0", 0), ("-12", -12),
            ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)), ("1.5e3", 1500), ("1E-2", 0.01),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("\"\"", ""), ("[]", []), ("{}", [:]),
            ("[1,[2,{\"a\":null}]]", [1, [2, ["a": .null]]]), ("\u{FEFF}1", 1), ("\t\r\n 1 \n", 1),
            (#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, "\"\\/\u{8}\u{C}\n\r\té😀"),
        ] as [(String, Value)])
    func values(text: String, value: Value) throws {
        #expect(try Value.json(text) == value)
    }

    @Test("a whole number stays whole, one with a point or exponent is a double")
    func kinds() throws {
        #expect(try Value.json("1").kindName == "a whole number")
        #expect(try Value.json("1.0").kindName == "a number")
        #expect(try Value.json("1e0").kindName == "a number")
    }

    @Test("a string ends at its quote, and a control character is found, at any offset")
    func offsets() throws {
        for plain in ["a", "\u{7F}", "\u{80}", "é", "こ", "🙂", " ", "!", "#", "[", "]"] {
            for count in 0..<20 {
                let text = String(repeating: plain, count: count)
                #expect(try Value.json("\"\(text)\"") == .string(text))
                #expect(try Value.json("[\"\(text)\",\"\(text)\"]") == [.string(text), .string(text)])
                #expect(try Value.json(#""\#(text)\"\#(text)""#) == .string("\(text)\"\(text)"))
                for wrong in ["\"\(text)\u{1F}\"", "\"\(text)\n\(text)\"", "\"\(text)"] {
                    #expect(throws: (any Error).self) { try Value.json(wrong) }
                }
            }
        }
    }

    @Test("half of a surrogate pair becomes the replacement character")
    func surrogates() throws {
        #expect(try Value.json(#""\ud83d""#) == "\u{FFFD}")
        #expect(try Value.json(#""\ude00""#) == "\u{FFFD}")
        #expect(try Value.json(#""\ud83dx""#) == "\u{FFFD}x")
        #expect(try Value.json(#""\ud83d\u0041""#) == "\u{FFFD}A")
        #expect(try Value.json(#""\ud83d\ud83d\ude00""#) == "\u{FFFD}😀")
    }

    @Test("keys keep their order, the later of two equal ones wins")
    func keys() throws {
        let object = try Value.json(#"{"b":1,"a":2,"b":3}"#).asObject
        #expect(object?.keys == ["b", "a"])
        #expect(object?["b"] == 3)
    }

    @Test(
        "a mistake is said with its place",
        arguments: [
            ("", "line 1, column 1: expected a JSON value, found the end"),
            ("1 2", "line 1, column 3: expected the end, found '2'"),
            ("[1,]", "line 1, column 4: expected a JSON value, found ']'"),
            ("[1 2]", "line 1, column 4: expected ',' or ']', found '2'"),
            ("{\"a\" 1}", "line 1, column 6: expected ':' after the key \"a\", found '1'"),
            ("{a:1}", "line 1, column 2: expected a key in quotes, found 'a'"),
            ("{\"a\":1,}", "line 1, column 8: expected a key in quotes, found '}'"),
            ("{\n  \"a\": tru\n}", "line 2, column 8: expected a JSON value, found 't'"),
            ("01", "line 1, column 2: expected the end, found '1'"),
            ("-", "line 1, column 2: expected a digit, found the end"),
            ("1.", "line 1, column 3: expected a digit, found the end"),
            ("1e+", "line 1, column 4: expected a digit, found the end"),
            ("+1", "line 1, column 1: expected a JSON value, found '+'"),
            ("\"a", "line 1, column 1: the string that begins here has no end"),
            ("\"a\nb\"", "line 1, column 3: a control character in a string has to be escaped"),
            (#""\x""#, "line 1, column 3: unknown escape: a backslash before 'x'"),
            (#""\u12g4""#, #"line 1, column 4: expected four hexadecimal digits after \u"#),
            ("é", "line 1, column 1: expected a JSON value, found 'é'"),
            ("\u{1}", "line 1, column 1: expected a JSON value, found the byte 0x1"),
            ("NaN", "line 1, column 1: expected a JSON value, found 'N'"),
        ])
    func mistakes(text: String, message: String) {
        do {
            let value = try Value.json(text)
            Issue.record("read as \(value)")
        } catch {
            #expect(error.description == message)
        }
    }

    @Test("bytes that are no UTF-8 are an error, in a string and outside")
    func encoding() {
        #expect(throws: JSONError(message: "the string that begins here is not UTF-8", line: 1, column: 2)) {
            try Value.json([0x5B, 0x22, 0xFF, 0x22, 0x5D])
        }
        #expect(throws: JSONError(message: "expected a JSON value, found the byte 0xff", line: 1, column: 1)) {
            try Value.json([0xFF])
        }
    }

    @Test("a character beyond ASCII and a byte that is no UTF-8 are found at any place of a string", arguments: 0..<18)
    func beyondASCII(place: Int) throws {
        let (before, after) = (String(repeating: "a", count: place), String(repeating: "b", count: 17 - place))
        #expect(try Value.json("\"\(before)é\(after)\"") == .string("\(before)é\(after)"))
        #expect(throws: JSONError.self) {
            try Value.json(Array("\"\(before)".utf8) + [0xFF] + Array("\(after)\"".utf8))
        }
    }

    @Test("a number beyond what a double holds is an error")
    func infinity() {
        #expect(throws: JSONError(message: "the number 1e400 is too large", line: 1, column: 2)) {
            try Value.json("[1e400]")
        }
    }

    @Test("nesting is read to the limit and not beyond")
    func depth() throws {
        let deep = String(repeating: "[", count: 513) + String(repeating: "]", count: 513)
        #expect(throws: Never.self) { try Value.json(String(deep.dropFirst().dropLast())) }
        #expect(throws: Never.self) { try Value.json(deep) }
        #expect(throws: JSONError.self) { try Value.json("[" + deep + "]") }
        #expect(throws: JSONError.self) { try Value.json(String(repeating: "{\"a\":", count: 100_000)) }
        #expect(throws: JSONError(message: "nested deeper than 1 levels", line: 1, column: 3)) {
            try Value.json("[[[]]]", maxDepth: 1)
        }
    }
}
