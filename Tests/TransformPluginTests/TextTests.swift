import RunnelKit
import RunnelTesting
import Testing

@testable import TransformPlugin

@Suite("Transforming a text") struct TextTests {
    @Test(
        "lines are cut at every line break",
        arguments: [
            ("a\nb\r\nc", true, ["a", "b", "c"]), ("a\n\nb\n", true, ["a", "", "b"]), ("", true, []),
            ("\n\n", true, ["", ""]), ("a\n\nb\n", ["skip_empty": true], ["a", "b"]), ("a\rb", true, ["a", "b"]),
            (" a \n \nb", ["trim": true], ["a", "", "b"]), (" \na ", ["trim": true, "skip_empty": true], ["a"]),
            (" a ", true, [" a "]), ("ä\n🦆", true, ["ä", "🦆"]), ("a\u{2028}b", true, ["a\u{2028}b"]),
        ] as [(String, Value, Value)])
    func lines(text: String, options: Value, output: Value) async throws {
        #expect(try await transform(["lines": options], input: .string(text)) == output)
    }

    @Test("CSV becomes objects, or lists without a header")
    func csv() async throws {
        #expect(try await transform(["csv": true], input: "a,b\n1,\"x,y\"\n") == [["a": "1", "b": "x,y"]])
        #expect(
            try await transform(["csv": ["header": false, "delimiter": ";"]], input: "a;b\n1;2")
                == [["a", "b"], ["1", "2"]])
    }

    @Test("binary data is text in `encoding`, or UTF-8")
    func encoding() async throws {
        let table: Value = .bytes([0x93, 0xFA, 0x0D, 0x96, 0x7B])
        #expect(try await transform(["csv": true, "encoding": "shift_jis"], input: table) == [["日": "本"]])
        #expect(try await transform(["lines": true], input: .bytes(Array("ä\nb".utf8))) == ["ä", "b"])
        let error = try await #require(throws: StepError.self) { try await transform(["lines": true], input: table) }
        #expect(error.code == "bad-encoding")
        #expect(error.message == "the input is not UTF-8 text: byte 0 is invalid")
    }

    @Test("JSON becomes its value, with all 64 bits of a whole number")
    func json() async throws {
        #expect(
            try await transform(["json": true], input: "{\"id\": 9007199254740993}") == ["id": 9_007_199_254_740_993])
    }

    @Test("secrets are masked before the input of an error is cut")
    func secretsInErrors() async throws {
        let secret = "purple monkey dishwasher"
        var harness = StepHarness()
        harness.redactor = Redactor(secrets: [secret])
        let text = String(repeating: "x", count: 50)
        let error = try await transformError(["json": true], input: .string(text + secret), harness: harness)
        #expect(error.hint == "it begins with \"\(text)***\"")
    }

    @Test(
        "bad texts and options say what is wrong",
        arguments: [
            (
                ["csv": true], "a,b\n1", "bad-csv",
                "the input is not CSV: line 2: the header has 2 columns, this row has 1"
            ),
            (
                ["csv": true], "a\n\"1", "bad-csv",
                "the input is not CSV: line 2: the quote that opens here is never closed"
            ),
            (
                ["json": true], "{", "bad-json",
                "the input is not JSON: line 1, column 2: expected a key in quotes, found the end"
            ),
            (["json": true], 5, "wrong-input", "expected a text to transform, found a whole number"),
            (["lines": true], ["a"], "wrong-input", "expected a text to transform, found a list"),
            (["regex": ["pattern": "a"]], .null, "wrong-input", "expected a text to transform, found null"),
            (
                ["lines": true, "from": .null], "another step's output", "empty-value",
                "`from`: expected a text to transform, found null"
            ),
            (["csv": .null], "1", "empty-value", "`csv`: expected true or an object with options, found null"),
            (["json": false], "1", "bad-with", "`json`: expected true, found false"),
            (["lines": false], "1", "bad-with", "`lines`: expected true or an object with options, found false"),
            (["lines": ["strip": true]], "1", "bad-with", "`lines`: the key \"strip\" is not known here"),
            (
                ["csv": ["delimiter": ""]], "1", "bad-with",
                "`csv.delimiter`: expected one character that is neither a quote nor a line break, found \"\""
            ),
            (
                ["csv": ["delimiter": "\""]], "1", "bad-with",
                "`csv.delimiter`: expected one character that is neither a quote nor a line break, found \"\\\"\""
            ),
            ([:], "1", "bad-with", "\"jq\", \"lines\", \"csv\", \"json\" or \"regex\" is required"),
            (["jq": ".", "json": true], "1", "bad-with", "\"jq\" and \"json\" are mutually exclusive"),
        ] as [(ValueObject, Value, String, String)])
    func errors(with: ValueObject, input: Value, code: String, message: String) async throws {
        let error = try await transformError(with, input: input)
        #expect(error.code == code)
        #expect(error.message == message)
    }
}

@Suite("Regular expressions") struct RegexTests {
    @Test(
        "the first match, a group of it, or all matches",
        arguments: [
            (["pattern": "T-\\d+"], "see T-12 and T-345", "T-12"),
            (["pattern": "T-(\\d+)", "group": 1], "see T-12", "12"),
            (["pattern": "T-(\\d+)", "group": 0], "see T-12", "T-12"),
            (["pattern": "(?<kind>[A-Z])-(?<number>\\d+)"], "see T-12", ["kind": "T", "number": "12"]),
            (["pattern": "(?<kind>[A-Z])-(?<number>\\d+)", "group": "number"], "see T-12", "12"),
            (["pattern": "T-(\\d+)", "group": 1, "all": true], "T-1 T-22", ["1", "22"]),
            (["pattern": "x"], "abc", .null), (["pattern": "x", "all": true], "abc", []),
            (["pattern": "B", "flags": "i"], "abc", "b"), (["pattern": "a.c", "flags": "s"], "a\nc", "a\nc"),
            (["pattern": "a b", "flags": "x"], "ab", "ab"), (["pattern": "ß🦆", "all": true], "aß🦆ß🦆", ["ß🦆", "ß🦆"]),
            (["pattern": "(a)|(b)", "group": 2], "a", .null), (["pattern": "\""], "say \"x\"", "\""),
            (["pattern": "x"], "", .null), (["pattern": "^$"], "", .null),
            (["pattern": "x*", "all": true], "axxb", ["xx"]),
            ("b.", "abc", "bc"), (["pattern": "^b", "flags": "m"], "a\nb", "b"),
            (["pattern": "a # then b\n b # end", "flags": "x"], "ab", "ab"),
            (["pattern": "a # (\n b", "flags": "x"], "ab", "ab"), (["pattern": "q | B", "flags": "ix"], "ab", "b"),
            (["pattern": "(a) # end", "flags": "x", "group": 1], "a", "a"),
            (["pattern": "(?x)(a) # end", "group": 1], "a", "a"), (["pattern": "(a*)", "group": 1], "b", .null),
        ] as [(Value, String, Value)])
    func matches(options: Value, text: String, output: Value) async throws {
        #expect(try await transform(["regex": options], input: .string(text)) == output)
    }

    @Test(
        "a pattern that is none says why",
        arguments: [
            ("(", "`regex.pattern`: invalid regular expression: end pattern with unmatched parenthesis"),
            ("[a", "`regex.pattern`: invalid regular expression: premature end of char-class"),
            ("*", "`regex.pattern`: invalid regular expression: target of repeat operator is not specified"),
        ])
    func badPatterns(pattern: String, message: String) async throws {
        let error = try await transformError(["regex": ["pattern": .string(pattern)]], input: "a")
        #expect(error.code == "bad-with")
        #expect(error.message == message)
    }

    @Test(
        "a pattern is compiled with its flags",
        arguments: [
            ("(a # b)", "x", "end pattern with unmatched parenthesis"), ("a)(b", "i", "unmatched close parenthesis"),
            ("a)(b", "x", "unmatched close parenthesis"),
        ])
    func badWithFlags(pattern: String, flags: String, message: String) async throws {
        let error = try await transformError(
            ["regex": ["pattern": .string(pattern), "flags": .string(flags)]], input: "a")
        #expect(error.code == "bad-with")
        #expect(error.message == "`regex.pattern`: invalid regular expression: \(message)")
    }

    @Test(
        "a group or flag that is not there says what is",
        arguments: [
            (
                ["pattern": "(a)", "group": 2], "no-such-group", "`regex`: the pattern has no group 2",
                "it has 1 group"
            ),
            (
                ["pattern": "(?<n>a)(?<m>a)?", "group": "x"], "no-such-group",
                "`regex`: the pattern has no group \"x\"", "it has 2 groups, named n, m"
            ),
            // No match is needed.
            (
                ["pattern": "b # (c)", "flags": "x", "group": 1], "no-such-group",
                "`regex`: the pattern has no group 1", "it has 0 groups"
            ),
            // What follows \Q is quoted to the end, so the pattern cannot be a part of another.
            (["pattern": #"(a)?\Qa"#, "group": 2], "no-such-group", "the pattern has no group 2", "it has 1 group"),
            (
                ["pattern": "a", "flags": "q"], "bad-with",
                "`regex.flags`: expected some of the letters i, m, s and x, found \"q\"", nil
            ),
            (
                ["pattern": "a", "group": -1], "bad-with",
                "`regex.group`: expected the number or the name of a group, found the number -1", nil
            ),
            (["pattern": ""], "bad-with", "`regex.pattern`: the regular expression is empty", nil),
            (
                5, "bad-with",
                "`regex`: expected a regular expression or an object with \"pattern\", found the number 5", nil
            ),
        ] as [(Value, String, String, String?)])
    func wrong(options: Value, code: String, message: String, hint: String?) async throws {
        let error = try await transformError(["regex": options], input: "a")
        #expect(error.code == code)
        #expect(error.message == message)
        #expect(error.hint == hint)
    }

    @Test("a pattern that backtracks without end is bounded")
    func catastrophic() async throws {
        let error = try await transformError(
            ["regex": ["pattern": "^(a+)+\\1$"]], input: .string(String(repeating: "a", count: 40) + "c"))
        #expect(error.code == "regex-too-slow")
        #expect(error.message == "the pattern needs too much backtracking on this text")
        #expect(error.hint == "avoid nested repetitions such as \"(a+)+\"")
    }
}
