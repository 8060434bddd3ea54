import RunnelKit
import Testing

@Suite("Writing JSON")
struct JSONWriterTests {
    @Test(
        "each kind of value is written",
        arguments: [
            (Value.null, "null"), (true, "true"), (.int(.min), "-9223372036854775808"), (1.5, "1.5"),
            (.double(2), "2.0"),
            (.double(1e-10), "1e-10"), (.double(1e300), "1e+300"), (.double(.infinity), "null"),
            (.double(.nan), "null"),
            ("é😀/", "\"é😀/\""), ("\"\\\n\r\t\u{8}\u{1F}\u{7F}", #""\"\\\n\r\t\u0008\u001f"# + "\u{7F}\""),
            (.bytes([0, 255]), "\"AP8=\""), ([], "[]"), ([:], "{}"), ([1, ["a": .null]], #"[1,{"a":null}]"#),
        ] as [(Value, String)])
    func values(value: Value, text: String) {
        #expect(value.json() == text)
        #expect(value.jsonBytes() == Array(text.utf8))
    }

    @Test("a character that needs an escape is found wherever it stands", arguments: 0..<20)
    func places(place: Int) {
        for (character, escape) in [("\"", #"\""#), ("\\", #"\\"#), ("\n", #"\n"#), ("\u{1F}", #"\u001f"#)] {
            let (before, behind) = (String(repeating: "é", count: place), String(repeating: "~", count: 20 - place))
            let text = "\(before)\(character)\(character)\(behind)"
            #expect(Value.string(text).json() == "\"\(before)\(escape)\(escape)\(behind)\"")
        }
    }

    @Test("pretty text has a line for each member and two spaces a level")
    func pretty() {
        let value: Value = ["a": [1, 2], "b": [], "c": ["d": [:]]]
        #expect(
            value.json(pretty: true) == """
                {
                  "a": [
                    1,
                    2
                  ],
                  "b": [],
                  "c": {
                    "d": {}
                  }
                }
                """)
    }

    @Test("what was written reads the same")
    func roundTrip() throws {
        let value: Value = [
            "text": "line\u{2028}\u{0}\"\\é", "numbers": [0, -1, .int(.max), 0.1, 1e-300, 123456.789e3], "none": .null,
            "": ["deep": [[[true]]]],
        ]
        #expect(try Value.json(value.json()) == value)
        #expect(try Value.json(value.json(pretty: true)) == value)
    }

    @Test("in pieces it is the same text, and no piece is larger than was asked for", arguments: [1, 7, 64, 4096])
    func pieces(size: Int) {
        let text = String(repeating: "a \"quoted\" line\n and é \u{1} more; ", count: 300)
        let value: Value = [
            "text": .string(text), "list": [1, 2.5, true, .null, "", [:], []], "bytes": .bytes(Array(0...255)),
        ]
        var pieces: [[UInt8]] = []
        value.writeJSON(piece: size) { pieces.append($0) }
        #expect(Array(pieces.joined()) == value.jsonBytes())
        #expect(pieces.allSatisfy { !$0.isEmpty })
        if size >= 4096 { #expect(pieces.allSatisfy { $0.count <= size + 400 }) }
    }

    @Test("large binary data is the same base64 in pieces as in one")
    func largeBytes() {
        let bytes = (0..<200_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(Value.bytes(bytes).json() == "\"\(Base64.encode(bytes))\"")
    }
}
