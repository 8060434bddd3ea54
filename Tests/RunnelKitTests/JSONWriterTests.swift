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
}
