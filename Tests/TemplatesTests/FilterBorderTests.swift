import RunnelKit
import Templates
import Testing

@Suite("Filters at their borders") struct FilterBorderTests {
    @Test(
        "a filter does the same for odd values as for plain ones",
        arguments: [
            ("'abcdef' | truncate(2, '...')", ".."), ("'abc' | truncate(0)", ""), ("'👩‍👩‍👧é!' | truncate(2)", "👩‍👩‍👧…"),
            (#""a\r\nb" | indent(2)"#, "a\r\n  b"), (#""  a\r\n  b" | dedent"#, "a\r\nb"),
            (#""a\r\nb" | lines"#, #"["a","b"]"#),
            (#""a\r\nb" | split("\n")"#, #"["a\r","b"]"#), (#""a\r\nb" | split("\r\n")"#, #"["a","b"]"#),
            (#""a\r\nb" | replace("\r", "")"#, "a\nb"), (#""a\r\nb" | replace("\n", " ") | length"#, "4"),
            (#""a\r\nb" | contains("\n")"#, "true"), (#""\n" in "a\r\nb""#, "true"), (#""x" in "a\r\nb""#, "false"),
            (#""\r\na" | starts_with("\r")"#, "true"), (#""a\r\n" | ends_with("\n")"#, "true"),
            (#""a\r\n" | ends_with("a\n")"#, "false"), ("'e\u{301}' | contains('\u{E9}')", "true"),
            ("['3', 1] | min", "1"), ("['3', '10'] | max", "10"), ("[] | min", "null"), ("[] | sum", "0"),
            ("[] | join", ""),
            ("'1e308' | float | round(2)", "1e+308"), ("-2.5 | round", "-3"), ("'' | title", ""),
            ("'' | first", "null"),
            ("'aaa' | replace('a', '')", ""), ("'a' | slice(5)", ""), ("tags | slice(-99, 99)", #"["b","a","b"]"#),
            ("tags | slice(2, 1)", "[]"), ("bytes | base64", "/w=="), ("bytes | length", "1"),
            ("'/w==' | base64_decode", #""/w==""#), ("'_w' | base64_decode", #""/w==""#),
            (#""SGVs\nbG8=\n" | base64_decode"#, "Hello"),
            ("'' | lines", "[]"), ("'' | split", "[]"), ("'x' | split(',')", #"["x"]"#), ("0 | bool", "false"),
            ("[1, 1.0, '1'] | unique", #"[1,"1"]"#), ("rows | where('gone')", "[]"), ("true | string", "true"),
            ("'%' | urlencode", "%25"), ("'ü' | urlencode", "%C3%BC"), ("0 | date('%%%T')", "%00:00:00"),
            ("'2026-11-24' | date('%d.%m.%Y %T')", "24.11.2026 00:00:00"),
            ("'0001-01-01T00:00:00Z' | date('%F %T %j')", "0001-01-01 00:00:00 001"),
            ("'9999-12-31T23:59:59.9Z' | date('%F %T %j')", "9999-12-31 23:59:59 365"),
            ("'2262-04-11T23:47:16.999999999Z' | date('%F %T')", "2262-04-11 23:47:16"),
            ("(-0.5) | date('%F %T')", "1969-12-31 23:59:59"), ("253402300799 | date('%F')", "9999-12-31"),
            ("-1 | abs", "-1"), ("'9007199254740993' | round", "9007199254740993"), ("'1.5' | round", "2"),
            ("'-9007199254740993' | abs", "9007199254740993"), ("'-1.5' | abs", "1.5"),
            ("['9007199254740993', 1] | sum", "9007199254740994"), ("['1', 0.5] | sum", "1.5"),
            (#""ONE two\n\tthree\r\nfour" | title"#, "One Two\n\tThree\r\nFour"), ("'  a' | title", "  A"),
        ])
    func odd(expression: String, result: String) throws {
        let result = result.hasPrefix("\"") ? String(result.dropFirst().dropLast()) : result
        let value = try Template.parse("{{ \(expression) }}").template.render(sample)
        #expect((value.asBytes.map { Base64.encode($0) } ?? value.text) == result)
    }

    @Test(
        "a filter called wrongly is found before anything is rendered",
        arguments: [
            ("input | upper(1)", "the filter `upper` takes no arguments, found 1: `upper`"),
            ("input | replace('a')", "the filter `replace` takes 2 arguments, found 1: `replace(old, new)`"),
            (
                "input | truncate",
                #"the filter `truncate` takes 1 to 2 arguments, found 0: `truncate(length, end="…")`"#
            ),
            ("input | indent(1, 2)", "the filter `indent` takes 1 argument, found 2: `indent(width)`"),
            ("input | default", "the filter `default` takes one argument: `default(value)`"),
            ("range()", "`range()` takes 1 to 3 arguments, found 0"), ("now(1)", "`now()` takes no arguments, found 1"),
        ])
    func arguments(expression: String, words: String) {
        #expect(rendered("{{ \(expression) }}") == "bad-arguments: " + words)
    }

    @Test(
        "a filter given a value it cannot use says what it expected",
        arguments: [
            ("nothing | upper", "`nothing | upper`: expected a text, found null"),
            ("input | join", "`input | join`: expected a list, found a string"),
            ("tags | keys", "`tags | keys`: expected an object, found a list"),
            ("'1e300' | int", #"`"1e300" | int`: "1e300" does not fit 64 bits"#),
            ("'nan' | float", #"`"nan" | float`: expected a number, found "nan""#),
            ("[big, 1] | sum", "`[big, 1] | sum`: the sum does not fit 64 bits"),
            ("1.5 | round(16)", "`1.5 | round(16)`: at most 15 decimals are possible"),
            ("input | replace('', 'x')", #"`input | replace("", "x")`: the text to be replaced is empty"#),
            ("input | indent(1001)", "`input | indent(1001)`: an indentation of 1001 is too wide"),
            ("tags | slice('a')", #"`tags | slice("a")`: expected whole numbers as bounds"#),
            ("'!' | base64_decode", #"`"!" | base64_decode`: not base64"#),
            ("0 | date('%Q')", #"`0 | date("%Q")`: %Q is unknown in a date pattern"#),
            ("0 | date('%')", #"`0 | date("%")`: the date pattern ends with a single %"#),
            (
                // Milliseconds; read as seconds, they are in the year 55840.
                "1700000000000 | date('%F')",
                #"`1700000000000 | date("%F")`: expected a time such as "2026-11-23T09:00:00Z" or seconds since 1970, "#
                    + "found 1700000000000"
            ),
        ])
    func values(expression: String, words: String) {
        #expect(rendered("{{ \(expression) }}") == "filter-failed: " + words)
    }

    @Test(
        "null does not become the text \"null\"",
        arguments: [
            (
                "[1, nothing, 2] | join(', ')",
                "`[1, nothing, 2] | join(\", \")`: the item at index 1 is null, not a text"
            ),
            ("nothing | string", "`nothing | string`: null is not a text"),
            ("input ~ nothing", #"`nothing` is null; add `| default("…")` if it may be missing"#),
            ("nothing ~ input", #"`nothing` is null; add `| default("…")` if it may be missing"#),
        ])
    func null(expression: String, words: String) {
        #expect(rendered("{{ \(expression) }}") == "empty-value: " + words)
        #expect(rendered("a {{ \(expression) }}") == "empty-value: " + words)
    }
}
