import RunnelKit
import Testing

@testable import JSONSchema

@Suite("Patterns")
struct PatternTests {
    @Test(
        "what occurs and what does not",
        arguments: [
            ("a+", "xxaayy", true), ("^a*$", "aaa", true), ("^a*$", "aab", false), ("^$", "", true), ("", "x", true),
            ("^abc$", "abc\n", false), ("a|b", "cb", true), ("^(a|b)$", "c", false), ("^(?:ab){2,3}$", "abab", true),
            ("^(?:ab){2,3}$", "ab", false), ("^(ab){2,3}$", "abababab", false), ("^a{2,}$", "aaaa", true),
            ("^a{3}$", "aa", false), ("^x{0}$", "", true), (#"^\d+$"#, "12", true), (#"^\d$"#, "٣", false),
            (#"^\w+$"#, "é", false), (#"^\s$"#, "\u{FEFF}", true), (#"^[^\d-z]$"#, "z", false), ("^.$", "\n", false),
            ("^.$", "😀", true), ("^[😀-😂]$", "😁", true), (#"^\u{1F600}$"#, "😀", true), (#"^\ud83d\ude00$"#, "😀", true),
            (#"^\x41\t\0$"#, "A\t\0", true), (#"\bfoo\b"#, "a foo b", true), (#"\bfoo\b"#, "afoo", false),
            (#"\Boo"#, "foo", true), ("^(?!admin).*$", "administrator", false), ("^(?!admin).*$", "user", true),
            ("(?<=€)[0-9]+", "€5", true), ("(?<=€)5", "$5", false), ("(?<!€)5", "$5", true),
            ("^(?=.*x)(?=.*y)", "ayx", true), ("^(?:(?=a{3})a){2}", "aaaa", true), ("^(?:(?=a{3})a){2}", "aaa", false),
            (#"^\p{Lu}\P{Lu}$"#, "Ab", true), (#"^\p{Letter}$"#, "π", true), (#"^[\p{Nd}_]+$"#, "٣_", true),
            ("^(?<year>[0-9]{4})$", "2026", true), ("a{,2}", "a{,2}", true), ("x{", "x{", true),
            (#"^a\/b\-c$"#, "a/b-c", true),
            ("^()*$", "", true), ("^(a*)*$", "b", false), ("^[]$", "a", false), ("^[^]$", "a", true),
            ("a*?b", "aab", true),
            ("^é$", "e\u{301}", false), ("(?<=^ab)c$", "abc", true), ("^[a-]$", "-", true), (#"^[\b]$"#, "\u{8}", true),
        ])
    func matching(pattern: String, text: String, isMatch: Bool) throws {
        #expect(try Pattern(pattern).matches(text, maxSteps: 10_000).answer == isMatch)
    }

    @Test(
        "what cannot be read is said",
        arguments: [
            ("(", "unclosed group"), (")", "unmatched \")\""), ("[a", "unclosed \"[\""),
            ("*a", "nothing to repeat before \"*\""), ("a**", "nothing to repeat before \"*\""),
            ("a{3,2}", "reversed counts in {3,2}"), ("[b-a]", "reversed range in [ ]"),
            (#"\a"#, "\"\\a\" is not an escape of ECMA-262"), (#"(a)\1"#, "back references (\\1) are not supported"),
            (#"\"#, "the pattern ends in a backslash"), ("(?i)a", "\"(?i\" is not a group of ECMA-262"),
            (#"\p{Script=Greek}"#, "unknown Unicode property \"Script=Greek\""),
            ("(a{1000}){1000}", "it is too large: its counts are too high"),
            ("(?:(?=a{50000})b?){3}", "it is too large: its counts are too high"),
            ("(?:(?=a{99999})b?){30000}", "it is too large: its counts are too high"),
            ("(?=(?<!(?=a{90000})b{9000})c{900})d{99}", "it is too large: its counts are too high"),
            ("{2}", "nothing to repeat before \"{\""),
            (String(repeating: "(", count: 5000), "groups nest deeper than 100 levels"),
        ])
    func errors(pattern: String, message: String) {
        #expect(throws: PatternError(message: message)) { try Pattern(pattern) }
    }

    @Test(
        "a pattern that explodes elsewhere takes time in proportion to the text",
        arguments: ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(x+x+)+y", "^(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    func noExplosion(pattern: String) throws {
        let text = String(repeating: "a", count: 2_000) + "!"
        let (answer, steps) = try Pattern(pattern).matches(text, maxSteps: 1_000_000)
        #expect(answer == false)
        #expect(steps < 200 * text.utf8.count)
    }

    @Test("look-around over a long text is given up with a clear answer")
    func givenUp() throws {
        let text = String(repeating: "a", count: 1_000)
        var compiler = SchemaCompiler(resources: [:], assertFormats: false)
        let program = try compiler.compile(["pattern": "(?=a*b)c"])
        let schema = JSONSchema(program: program, limits: EvaluationLimits(patternSteps: 10_000))
        #expect(
            schema.validate(.string(text)).map(\.message)
                == [#"a string of 1000 characters is too long to be checked against the pattern "(?=a*b)c""#])
    }
}
