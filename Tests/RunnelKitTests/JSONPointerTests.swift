import RunnelKit
import Testing

@Suite("JSON pointers") struct JSONPointerTests {
    @Test(
        "tokens are unescaped, and escaped again when the pointer is written",
        arguments: [
            ("", []), ("/", [""]), ("/a/b~1c/~0", ["a", "b/c", "~"]), ("/~01", ["~1"]), ("/a//0", ["a", "", "0"]),
            ("/a\u{301}/\u{301}", ["a\u{301}", "\u{301}"]),
        ] as [(String, [String])])
    func tokens(text: String, tokens: [String]) throws {
        let pointer = try #require(JSONPointer(text))
        #expect(pointer.tokens == tokens)
        #expect(pointer.text == text)
        #expect(pointer == JSONPointer(tokens: tokens))
    }

    @Test("a text that does not begin with a slash, or has a tilde before anything but 0 and 1, is no pointer")
    func refused() {
        for text in ["a", "#/a", "/~", "/a~2", "/~~0"] { #expect(JSONPointer(text) == nil, "\(text)") }
    }

    @Test("the empty pointer is the whole document; an index has no leading zero")
    func values() throws {
        let document: Value = ["a": [10, 20], "": 1]
        for (text, value) in [
            ("", document), ("/", 1), ("/a/1", 20), ("/a/01", nil), ("/a/2", nil), ("/a/-", nil), ("/a/1/x", nil),
        ] as [(String, Value?)] {
            #expect(try #require(JSONPointer(text)).value(in: document) == value, "\(text)")
        }
    }
}
