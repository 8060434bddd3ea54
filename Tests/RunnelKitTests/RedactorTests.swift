import RunnelKit
import Testing

/// Bytes whose base64 has "+" and "/" in it, and characters that each encoding writes in its own way.
private let secret = "p@ss \"w/ö>rd?~"

@Suite("Redactor") struct RedactorTests {
    @Test(
        "a secret is masked in every form it takes",
        arguments: [
            ("p@ss \"w/ö>rd?~", "***"), ("before p@ss \"w/ö>rd?~ behind", "before *** behind"),
            ("x=p%40ss%20%22w%2F%C3%B6%3Erd%3F~&y", "x=***&y"), ("x=p%40ss%20%22w%2f%c3%b6%3erd%3f~&y", "x=***&y"),
            ("/p@ss%20%22w/%C3%B6%3Erd?~/", "/***/"), ("x=p%40ss+%22w%2F%C3%B6%3Erd%3F%7E&y", "x=***&y"),
            (#"{"a":"p@ss \"w/ö>rd?~"}"#, #"{"a":"***"}"#),
            ("p@ss \"w/ö>rd?~p@ss \"w/ö>rd?~", "******"),
        ])
    func forms(text: String, masked: String) {
        #expect(Redactor(secrets: [secret]).redact(text) == masked)
    }

    @Test(
        "a secret is masked in base64 and base64url wherever it begins in its group", arguments: 0..<6, [true, false])
    func base64(shift: Int, isURL: Bool) {
        let redactor = Redactor(secrets: [secret])
        var text = Base64.encode(Array((String(repeating: "u", count: shift) + secret + "tail").utf8))
        if isURL { text = text.replacing("+", with: "-").replacing("/", with: "_") }
        let masked = redactor.redact(text)
        #expect(masked.contains("***"))
        // At most the characters that hold bits of a neighbour stay.
        let kept = Base64.encode(Array((String(repeating: "u", count: shift)).utf8)).count + "tail".utf8.count * 2 + 2
        #expect(masked.count <= kept + Redactor.mask.count, "\(text) became \(masked)")
    }

    @Test("all copies mask an added secret, its former value and the other secrets")
    func added() {
        let redactor = Redactor(secrets: ["first secret", "other value"])
        let copy = redactor
        redactor.add("token-1", named: "token")
        redactor.add("token-2", named: "token")
        #expect(copy.redact("first secret, other value, token-1, token-2") == "***, ***, ***, ***")
    }

    @Test(
        "where secrets overlap nothing of either is left",
        arguments: [
            (["abcdef", "defghi"], "-abcdefghi-", "-***-"), (["defghi", "abcdef"], "-abcdefghi-", "-***-"),
            (["abcd", "abcdefgh"], "-abcdefgh-abcd-", "-***-***-"), (["cdef", "abcdefgh"], "-abcdefgh-", "-***-"),
            (["abcd", "efgh"], "abcdefgh", "******"), (["aaaa"], "-aaaaaa-", "-***-"),
            (["abcdX", "Xefghijk", "kLMNO"], "abcdXefghijkLMNO.", "***."),
        ])
    func overlaps(secrets: [String], text: String, masked: String) {
        #expect(Redactor(secrets: secrets).redact(text) == masked)
    }

    @Test("a secret of fewer than four bytes is ignored")
    func short() {
        #expect(Redactor(secrets: ["abc", ""]).isEmpty)
        #expect(Redactor(secrets: ["abc"]).redact("abcabc") == "abcabc")
        #expect(Redactor(secrets: ["abcd"]).redact("abcabcd") == "abc***")
        #expect(Redactor().redact("anything") == "anything")
    }

    @Test("a truncated text shows no part of a secret")
    func truncated() {
        let redactor = Redactor(secrets: ["hunter222"])
        #expect(redactor.redact("abcd hunter222", limit: 8) == "abcd ***")
        #expect(redactor.redact("abcd hunter222", limit: 7) == "abcd *…")
        #expect(redactor.redact("abcd aHVudGVyMjIy", limit: 10) == "abcd ***")
        #expect(redactor.redact(Array("abcd hunte".utf8), isCut: true) == "abcd ")
        #expect(redactor.redact(Array("abcd hunte".utf8), isCut: false) == "abcd hunte")
    }

    @Test("a text that was cut ends before what may be a secret, and is else as it was")
    func cut() {
        let redactor = Redactor(secrets: ["hunter222"])
        #expect(redactor.withoutCutSecret("hunter222, hunte") == "hunter222, ")
        #expect(redactor.withoutCutSecret("hunter222, aHVudGV") == "hunter222, ")
        #expect(redactor.withoutCutSecret("hunter222, huntsman") == "hunter222, huntsman")
        #expect(Redactor().withoutCutSecret("hunte") == "hunte")
    }

    @Test("strings, keys and bytes are masked wherever they stand in a value; all else stays")
    func values() {
        let redactor = Redactor(secrets: ["hunter22"])
        let value: Value = ["a": ["hunter22", 1, true, .null], "hunter22": .bytes(Array("x hunter22".utf8)), "n": 1.5]
        let masked: Value = ["a": ["***", 1, true, .null], "***": .bytes(Array("x ***".utf8)), "n": 1.5]
        #expect(redactor.redact(value) == masked)
    }
}
