import Testing

@testable import YAML

@Suite("What may be a secret in a text that is not valid") struct SecretKeyTests {
    @Test(
        "stands behind the keys of secrets, and in the lines that are indented more",
        arguments: [
            ("password: abc", 1, 11), ("password abc", 1, 10), ("  - X-Api-Key : abc", 1, 17),
            ("\"client_secret\": abc", 1, 18), ("a: { token: abc", 1, 13), ("headers:\n  a: b\n", 2, 6),
            ("headers:\n  a:b", 2, 3),
            ("headers:\n\n  a:\n    - b", 4, 7), ("a: b", 1, nil), ("max_tokens: 5", 1, nil), ("a: password", 1, nil),
            ("headers:\n  a: b\nc: d", 3, nil), ("secret: \"{{ secrets.hook }}\"", 1, nil),
            ("secret: {{ secrets.hook }}", 1, nil), ("env:\n  KEY: b", 2, 8),
            ("{ url: \"http://me:abc@h\", token: d }", 1, 16), ("- http://h/@me", 1, nil),
            ("a: http://h/?a=b&api_key=abc b", 1, 26), ("a: http://h/?a=b", 1, nil), ("say the token", 1, nil),
            ("", 1, nil), ("a", 5, nil),
        ] as [(String, Int, Int?)])
    func column(text: String, line: Int, column: Int?) {
        #expect(YAMLSource(name: "p.yaml", text: text).secretColumn(ofLine: line) == column)
    }

    @Test("is not quoted, and nothing is of a text of secrets")
    func quoted() throws {
        let key = try failure("a: [b]\n token: abc\n")
        #expect(key.message.hasPrefix("expected a key, found \"token: ***\" (libyaml: "))
        let error = #expect(throws: YAMLError.self) {
            try YAMLParser.parse(Array("a: [b]\n c: abc\n".utf8), name: "p.yaml", isSecret: true)
        }
        #expect(error?.message.hasPrefix("expected a key, found \"***\" (libyaml: ") ?? false)
        #expect(error?.description.contains("abc") == false)
        let end = #expect(throws: YAMLError.self) {
            try YAMLParser.parse(Array("a: [b".utf8), name: "p.yaml", isSecret: true)
        }
        #expect(end?.message.hasPrefix("expected \",\" or \"]\", found the end of the file (libyaml: ") ?? false)
    }
}
