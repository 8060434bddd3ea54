import RunnelKit
import Templates
import Testing

@Suite("Expressions") struct ExpressionTests {
    @Test(
        "an expression has the value its words say",
        arguments: [
            ("steps.fetch-page.text", "page"), ("steps['fetch-page'].status", "200"), ("tags[0]", "b"),
            ("tags[-1]", "b"),
            ("count - 1", "2"), ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("7 / 2", "3.5"), ("6 / 2", "3"),
            ("7 % 4", "3"),
            ("-count", "-3"), ("2 - -1", "3"), ("half * 2 == 1", "true"), ("'a' ~ 1 ~ true", "a1true"),
            ("tags + [1]", #"["b","a","b",1]"#),
            ("not count == 4", "true"), ("true or false and false", "true"), ("nothing or 'x'", "x"),
            ("count and 'y'", "y"),
            ("nothing ?? 'x'", "x"), ("gone.deep[3] ?? gone2 ?? 'x'", "x"), ("empty ?? 'x'", ""),
            ("empty | default('x')", "x"),
            ("nothing | default('b') | upper", "B"), ("'a' if count > 2 else 'b'", "a"), ("'b' in tags", "true"),
            ("'z' not in tags", "true"), ("'ell' in input", "true"), ("'label' in steps", "true"),
            ("count >= 3 && !false", "true"),
            ("gone is defined", "false"), ("input is not empty", "true"), ("nothing is empty", "true"),
            ("steps.gone is defined", "false"),
            (#"{"a": [1, {"b": null}]}"#, #"{"a":[1,{"b":null}]}"#), (#"'it\'s' ~ "\n""#, "it's\n"),
            ("range(3)", "[0,1,2]"),
            ("range(5, 0, -2)", "[5,3,1]"), ("now()", "2026-11-23T09:00:00.000Z"), ("today()", "2026-11-23"),
            ("1 == 1.0", "true"),
            ("'1' == 1", "false"), ("input | length + 1", "6"), ("braces", "{{ input }}"),
        ])
    func value(expression: String, result: String) {
        #expect(rendered("{{ \(expression) }}") == result)
    }

    @Test(
        "what cannot be read is said in words",
        arguments: [
            ("{{ }}", "bad-expression: the expression is empty"),
            ("{{ input | uper }}", #"unknown-filter: unknown filter "uper"; did you mean "upper"?"#),
            ("{{ input | json }}", #"unknown-filter: unknown filter "json"; did you mean "tojson"?"#),
            (
                "{{ upper(input) }}",
                #"unknown-function: unknown function "upper"; `upper` is a filter: write `… | upper`"#
            ),
            ("{{ rang(3) }}", #"unknown-function: unknown function "rang"; did you mean "range"?"#),
            (
                "{{ input | truncate: 20 }}",
                "bad-expression: unexpected `:`; write the arguments of a filter in parentheses: `x | truncate(…)`"
            ),
            (
                "{{ input | upper: 20 }}",
                "bad-expression: unexpected `:`; write the arguments of a filter in parentheses: `x | upper(…)`"
            ),
            ("{{ count = 3 }}", "bad-expression: unexpected `=`; write `==` to compare"),
            (#"{{ {"a": 1, 'a': 2} }}"#, #"bad-expression: the key "a" appears twice in one object"#),
            ("{{ (1 }}", "bad-expression: expected `)`, found the end of the expression"),
            (
                "{{ 'abc }}",
                "unclosed-expression: `{{` is never closed; close it with `}}`; to write it as text, put it between `{% raw %}` and `{% endraw %}`"
            ),
            ("{{ 1 @ 2 }}", "bad-expression: `@` is not allowed in an expression"),
            (
                "{{ input",
                "unclosed-expression: `{{` is never closed; close it with `}}`; to write it as text, put it between `{% raw %}` and `{% endraw %}`"
            ),
            ("{% if input %}x", "unclosed-tag: `{% if %}` needs `{% endif %}`, found the end of the text"),
            (
                "{% for x of tags %}{% endfor %}",
                "bad-expression: expected `in`, found `of`; write `{% for item in list %}`"
            ),
            ("{% esle %}", "unknown-tag: unknown tag `{% esle %}`; did you mean `{% else %}`?"),
            ("{% endif %}", "stray-tag: `{% endif %}` has no matching opening tag"),
            ("{{ 99999999999999999999 }}", "bad-expression: the number 99999999999999999999 does not fit 64 bits"),
        ])
    func issue(text: String, words: String) {
        #expect(rendered(text) == words)
    }

    @Test(
        "what cannot be computed is said in words",
        arguments: [
            (
                "steps.lable",
                "missing-value: `steps.lable` is missing: `steps` has the keys fetch-page, label; did you mean `label`?"
            ),
            ("inptu", "missing-value: unknown name `inptu`; did you mean `input`?"),
            ("gone ?? inptu", "missing-value: unknown name `inptu`; did you mean `input`?"),
            ("steps['lable']", #"missing-value: `steps` has no key "lable"; did you mean "label"?"#),
            (
                "(gone ?? 'x') ~ steps.fetch-page.txt",
                "missing-value: `steps.fetch-page.txt` is missing: `steps.fetch-page` has the keys text, status; did you mean `text`?"
            ),
            (
                "tags[7]",
                #"missing-value: `tags[7]` is missing: `tags` has 3 items; add `| default("…")` if it may be missing"#
            ),
            (
                "nothing.x",
                #"missing-value: `nothing.x` is missing: `nothing` is null; add `| default("…")` if it may be missing"#
            ),
            (
                "input.x",
                #"missing-value: `input.x` is missing: `input` is a string, which has no keys; add `| default("…")` if it may be missing"#
            ),
            ("input + 1", #"bad-operand: `input + 1`: cannot compute "hello" + 1; texts are joined with `~`"#),
            ("count / 0", "bad-operand: `count / 0`: division by zero"),
            ("big + 1", "bad-operand: `big + 1`: the result does not fit 64 bits"),
            ("input < 3", "bad-operand: `input < 3`: a string and a whole number cannot be compared"),
            ("3 in input", "bad-operand: `3 in input`: a whole number cannot be looked for in a string"),
            ("tags | upper", "filter-failed: `tags | upper`: expected a text, found a list"),
            ("range(2000000)", "too-many-iterations: `range(2000000)` has more than 1000000 items"),
        ])
    func failure(expression: String, words: String) {
        #expect(rendered("{{ \(expression) }}") == words)
    }

    @Test("deep nesting is refused, not crashed on")
    func depth() {
        let deep = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
        #expect(rendered("{{ \(deep) }}") == "bad-expression: the expression is nested deeper than 100 levels")
        let nots = String(repeating: "not ", count: 5000) + "1"
        #expect(rendered("{{ \(nots) }}") == "bad-expression: the expression is nested deeper than 100 levels")
    }

    @Test("a condition may stand in braces or not")
    func condition() throws {
        for text in ["count == 3", "{{ count == 3 }}", "  {{count==3}}"] {
            let expression = try #require(Expression.parse(text).expression)
            #expect(try expression.evaluate(sample) == true)
        }
    }

    @Test("references are listed with their paths, and those that may be missing are marked")
    func references() {
        let text = """
            {{ steps.fetch-page.text | upper }}{% for row in rows %}{{ row.name }}{{ loop.index }}{{ steps.x }}{% endfor %}\
            {{ inputs.a ?? env["B"] }}{{ tags[count].z }}{% if error is defined %}{% endif %}
            """
        let found = Template.parse(text).template.references.map { reference in
            reference.root
                + reference.path.map {
                    switch $0 {
                    case .key(let key): ".\(key)"
                    case .index(let index): "[\(index)]"
                    }
                }.joined() + (reference.isOptional ? "?" : "")
        }
        #expect(found == ["steps.fetch-page.text", "rows", "steps.x", "inputs.a?", "env.B", "tags", "count", "error?"])
    }
}
