import RunnelKit
import Templates
import Testing

@Suite("Operators") struct OperatorTests {
    @Test(
        "operators bind as documented",
        arguments: [
            ("not 1 == 2", "true"), ("not true == false", "true"), ("!true == false", "true"),
            ("false and false or true", "true"), ("true or true and false", "true"), ("not false and false", "false"),
            ("10 - 4 - 3", "3"), ("64 / 4 / 2", "8"), ("2 + 3 * 4 - 1", "13"), ("7 % 4 * 2", "6"), ("-2 * 3", "-6"),
            ("1 ~ 2 + 3", "15"), ("'a' ~ 'b' == 'ab'", "true"), ("1 + 1 == 2 and 2 < 3", "true"),
            ("gone ?? nothing ?? 1 + 1", "2"), ("nothing ?? 1 == 1", "true"), ("false or nothing ?? true", "true"),
            ("'-' ~ input | upper", "-HELLO"), ("2 + tags | length", "5"), ("-3 | abs", "-3"), ("(-3) | abs", "3"),
            ("'a' if false else 'b' if false else 'c'", "c"), ("'a' if true else 'b' if true else 'c'", "a"),
            ("1 if false or true else 2", "1"), ("('a' if true else 'b') ~ 'c'", "ac"),
            ("1 in [1] and 2 not in [1]", "true"), ("not 2 in [1]", "true"), ("'1' == 1 or 1 == 1.0", "true"),
            ("not gone is defined", "true"), ("gone is not defined and true", "true"),
        ])
    func precedence(expression: String, result: String) {
        #expect(rendered("{{ \(expression) }}") == result)
    }

    @Test(
        "a hyphen right behind a key belongs to the key, between spaces it subtracts",
        arguments: [
            ("o.a-b", "1"), ("o.a - o.b", "2"), ("o.a-b - o.b", "-1"), ("o.a -o.b", "2"), ("count-1", "2"),
            ("o.2nd-try", "7"), ("rows.0.age", "36"), ("nested.0.1", "8"), ("nested[0].1", "8"), ("o.if", "9"),
        ])
    func hyphens(expression: String, result: String) throws {
        let scope = DictionaryScope([
            "o": ["a-b": 1, "a": 4, "b": 2, "2nd-try": 7, "if": 9], "count": 3, "rows": [["age": 36]],
            "nested": [[7, 8]],
        ])
        #expect(try Template.parse("{{ \(expression) }}").template.render(scope).text == result)
    }

    @Test(
        "numbers never wrap around, and no result is infinite",
        arguments: [
            ("big + 1", "`big + 1`: the result does not fit 64 bits"),
            ("-big - 2", "`-big - 2`: the result does not fit 64 bits"),
            ("big * 2", "`big * 2`: the result does not fit 64 bits"),
            ("(-big - 1) / -1", "`(-big - 1) / -1`: the result does not fit 64 bits"),
            ("-(-big - 1)", "`-(-big - 1)`: -9223372036854775808 has no negative"),
            ("('1e308' | float) * 10", #"`"1e308" | float * 10`: the result does not fit 64 bits"#),
            ("1 % 0", "`1 % 0`: division by zero"), ("1.5 / 0.0", "`1.5 / 0.0`: division by zero"),
            ("-input", #"`-input`: "hello" has no negative"#),
            ("tags < 1", "`tags < 1`: a list and a whole number cannot be compared"),
            ("1 in 2", "`1 in 2`: a whole number cannot be looked for in a whole number"),
            ("range(0, 1, 0)", "`range(0, 1, 0)`: expected whole numbers, and no step of 0"),
            ("range('a')", "`range(\"a\")`: expected whole numbers, and no step of 0"),
        ])
    func arithmetic(expression: String, words: String) {
        #expect(rendered("{{ \(expression) }}") == "bad-operand: " + words)
    }

    @Test(
        "the borders of 64 bits are computed exactly",
        arguments: [
            ("big - 1", "9223372036854775806"), ("-big - 1", "-9223372036854775808"), ("(-big - 1) % -1", "0"),
            ("range(-big, big, big)", "[-9223372036854775807,0]"), ("range(0, -5, -big - 1)", "[0]"),
            ("range(1, 0)", "[]"), ("[9007199254740993, 9007199254740992] | min", "9007199254740992"),
            ("[9007199254740992, 9007199254740993] | max", "9007199254740993"),
            ("[9007199254740993, 9007199254740992] | sort", "[9007199254740992,9007199254740993]"),
            ("9007199254740993 > 9007199254740992.0", "true"), ("9007199254740993 <= 9007199254740992.0", "false"),
            ("9007199254740992 >= 9007199254740992.0", "true"), ("9007199254740992.0 < 9007199254740993", "true"),
            ("9007199254740992.0 <= 9007199254740992", "true"), ("2.5 < 3", "true"), ("3 <= 2.5", "false"),
            (
                "[9007199254740993, 9007199254740992.0, 9007199254740991] | sort"
                    + " == [9007199254740991, 9007199254740992, 9007199254740993]", "true"
            ),
            ("[9007199254740992.0, 9007199254740993] | max", "9007199254740993"),
            ("[9007199254740993, 9007199254740992.0] | min == 9007199254740992", "true"),
            ("9007199254740993 | int", "9007199254740993"), ("big | int", "9223372036854775807"),
            ("(-big - 1) | int", "-9223372036854775808"), ("'9007199254740993' | int", "9007199254740993"),
            ("-2.7 | int", "-2"), ("'2.7' | int", "2"),
        ])
    func borders(expression: String, result: String) {
        #expect(rendered("{{ \(expression) }}") == result)
    }

    @Test("a message shows parentheses where the expression needs them")
    func parentheses() {
        #expect(rendered("{{ (1 + 2) * (3 - 3) / 0 }}") == "bad-operand: `(1 + 2) * (3 - 3) / 0`: division by zero")
        #expect(rendered("{{ 1 / (2 - (1 + 1)) }}") == "bad-operand: `1 / (2 - (1 + 1))`: division by zero")
        #expect(
            rendered("{{ (1 if true else 2) / 0 }}") == "bad-operand: `(1 if true else 2) / 0`: division by zero")
    }

    @Test("a long value is named in a message, not cut, so that no half of a secret is left unmasked")
    func longValues() throws {
        let scope = DictionaryScope(["token": .string("s3cret" + String(repeating: "x", count: 80))])
        for expression in ["token + 1", "-token", "token | int", "token | date('%F')", "'a' | truncate(token)"] {
            let error = #expect(throws: TemplateFailure.self) {
                try Template.parse("{{ \(expression) }}").template.render(scope)
            }
            #expect(error?.message.contains("s3cret") == false)
            #expect(error?.message.contains("a string") == true)
        }
    }

    @Test(
        "strings know the usual escapes and keep what else stands behind a backslash",
        arguments: [
            (#"'a\nb\tc\rd'"#, "a\nb\tc\rd"), (#""\"'""#, "\"'"), (#"'\'"'"#, "'\""), (#"'\\d\d'"#, #"\d\d"#),
            ("'}}'", "}}"), ("'%}'", "%}"), ("'é€'", "é€"), (#"'a\u00e9\u6771b'"#, "aé東b"), (#"'\uD83D\uDE00!'"#, "😀!"),
            (#"'C:\users\u12'"#, #"C:\users\u12"#), (#"'\u+123\u'"#, #"\u+123\u"#),
        ])
    func escapes(expression: String, result: String) {
        #expect(rendered("{{ \(expression) }}") == result)
    }

    @Test(
        "an unpaired surrogate is an error",
        arguments: [
            (#"\ud83d"#, #"\ud83d"#), (#"\ud83dx"#, #"\ud83d"#), (#"\ude00"#, #"\ude00"#), (#"\ud83d\u"#, #"\ud83d\u"#),
            (#"\ud83d\u0041"#, #"\ud83d\u0041"#),
        ])
    func halfPairs(text: String, named: String) {
        let issue = Template.parse("{{ '\(text)' }}").issues.first
        #expect(issue?.message == "`\(named)` is half of a surrogate pair")
        #expect(issue?.hint == #"write both halves, such as `\ud83d\ude00`, or the character itself"#)
    }
}
