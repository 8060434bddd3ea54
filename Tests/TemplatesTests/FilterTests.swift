import RunnelKit
import Templates
import Testing

@Suite("Filters") struct FilterTests {
    @Test(
        "each filter does what its summary says",
        arguments: [
            ("'aé' | upper", "AÉ"), ("'AB' | lower", "ab"), ("' a\n' | trim", "a"), ("'ab c' | capitalize", "Ab c"),
            ("'ab CD' | title", "Ab Cd"), ("'Über 3 Dinge!' | slug", "über-3-dinge"),
            ("'請求書 #4/ガスメーター_代' | slug", "請求書-4-ガスメーター-代"), ("'../Données/😀' | slug", "données"),
            (#"'  a\n    b' | dedent"#, "a\n  b"),
            ("'a-b' | replace('-', '+')", "a+b"), ("'abcdef' | truncate(4)", "abc…"), ("'abc' | truncate(3)", "abc"),
            ("'abcdef' | truncate(4, '')", "abcd"), (#"'a\nb' | indent(2)"#, "a\n  b"),
            ("'a,b' | split(',')", #"["a","b"]"#),
            ("' a  b ' | split", #"["a","b"]"#), (#"'a\n\nb\n' | lines"#, #"["a","","b"]"#),
            ("'abc' | contains('b')", "true"),
            ("tags | contains('z')", "false"), ("'abc' | starts_with('ab')", "true"),
            ("'abc' | ends_with('x')", "false"),
            ("'a b  c' | wordcount", "3"), ("tags | join(', ')", "b, a, b"), ("tags | length", "3"),
            ("'né' | length", "2"),
            ("tags | first", "b"), ("[] | last", "null"), ("tags | reverse", #"["b","a","b"]"#),
            ("'ab' | reverse", "ba"),
            ("tags | sort", #"["a","b","b"]"#), ("rows | sort('age') | map('name')", #"["Bob","Ada"]"#),
            ("[3, 1.5] | sort", "[1.5,3]"),
            ("tags | unique", #"["b","a"]"#), ("tags | slice(1)", #"["a","b"]"#), ("'hello' | slice(-3, -1)", "ll"),
            ("rows[0] | keys", #"["name","age"]"#), ("rows[0] | values", #"["Ada",36]"#),
            (#"{"a": 1} | items"#, #"[{"key":"a","value":1}]"#), ("rows | where('age', 9) | map('name')", #"["Bob"]"#),
            ("2.567 | round(1)", "2.6"), ("2.5 | round", "3"), ("(-3) | abs", "3"), ("'42' | int", "42"),
            ("2.9 | int", "2"),
            ("'1.5' | float", "1.5"), ("12 | string", "12"), ("'false' | bool", "false"), ("[3, 1] | min", "1"),
            ("[3, 1.5] | max", "3"),
            ("[1, 2] | sum", "3"), ("[1, 0.5] | sum", "1.5"), ("[1, null] | tojson", "[1,null]"),
            (#"'{"a": 1}' | fromjson"#, #"{"a":1}"#),
            ("'hé' | base64", "aMOp"), ("'aMOp' | base64_decode", "hé"), ("'a b&c' | urlencode", "a%20b%26c"),
            ("now() | date('%d.%m.%Y %H:%M:%S, day %j')", "23.11.2026 09:00:00, day 327"),
            ("0 | date('%F')", "1970-01-01"),
        ])
    func filter(expression: String, result: String) {
        #expect(rendered("{{ \(expression) }}") == result)
    }

    @Test(
        "a filter says what it cannot work with",
        arguments: [
            (
                "'x' | fromjson",
                "filter-failed: `\"x\" | fromjson`: not JSON: line 1, column 1: expected a JSON value, found 'x'"
            ),
            ("'x' | int", "filter-failed: `\"x\" | int`: expected a number, found \"x\""),
            ("[1, 'a'] | sort", "filter-failed: `[1, \"a\"] | sort`: only numbers or only texts can be sorted"),
            (
                "'a' | truncate(-1)",
                "filter-failed: `\"a\" | truncate(-1)`: expected a whole number from 0 to 1000000, found -1"
            ),
            ("rows | map('x')", "filter-failed: `rows | map(\"x\")`: an item has no key \"x\""),
            (
                "'soon' | date('%F')",
                "filter-failed: `\"soon\" | date(\"%F\")`: expected a time such as \"2026-11-23T09:00:00Z\" or seconds since 1970, found \"soon\""
            ),
        ])
    func failure(expression: String, words: String) {
        #expect(rendered("{{ \(expression) }}") == words)
    }

    @Test("a plugin's filter can be used, and cannot take the name of a standard one")
    func plugin() throws {
        let shout = TemplateFilter(
            name: "shout", summary: "Louder.", usage: "shout", otherNames: ["yell"]
        ) { value, _ in .string(value.text + "!") }
        let environment = try TemplateEnvironment(filters: [shout])
        let result = try Template.parse("{{ input | shout }}", environment: environment).template.render(sample)
        #expect(result == "hello!")
        let issues = Template.parse("{{ input | yell }}", environment: environment).issues
        #expect(issues.map(\.message) == ["unknown filter \"yell\""])
        #expect(issues.map(\.hint) == ["did you mean \"shout\"?"])
        let taken = TemplateFilter(name: "upper", summary: "", usage: "upper") { value, _ in value }
        let error = #expect(throws: RegistryError.self) { try TemplateEnvironment(filters: [taken]) }
        #expect(error?.message == "the filter \"upper\" exists already; give it another name")
    }
}
