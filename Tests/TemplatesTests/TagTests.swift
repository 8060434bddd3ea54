import RunnelKit
import Templates
import Testing

@Suite("Tags") struct TagTests {
    @Test(
        "a loop knows where it is, and gives its names back",
        arguments: [
            (
                "{% for t in tags %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.length }}/{{ loop.first }}/{{ loop.last }} {% endfor %}",
                "1/0/3/true/false 2/1/3/false/false 3/2/3/false/true "
            ),
            ("{% for i, t in tags %}{{ i }}{{ t }}{% endfor %}", "0b1a2b"),
            ("{% for key in rows[0] %}{{ key }} {% endfor %}", "name age "),
            ("{% for x in {} %}x{% else %}none{% endfor %}", "none"),
            (
                "{% for a in [1, 2] %}{% for b in [3] %}{{ loop.length }}{% endfor %}{{ loop.length }}{% endfor %}",
                "1212"
            ),
            ("{% for input in tags %}{{ input }}{% endfor %} {{ input }}", "bab hello"),
            ("{% for r in rows %}{% if r.age > 10 %}{{ r.name }}{% endif %}{% endfor %}", "Ada"),
        ])
    func loops(template: String, result: String) {
        #expect(rendered(template) == result)
    }

    @Test("the names of a loop end with it")
    func loopScope() {
        #expect(
            rendered("{% for tag in tags %}{% endfor %}{{ tag }}")
                == "missing-value: unknown name `tag`; did you mean `tags`?")
    }

    @Test(
        "raw text stays as it is, and its tags take white space away like all others",
        arguments: [
            ("{% raw %}{{ a }} {% if %} it's{% endraw %}", "{{ a }} {% if %} it's"),
            ("a {%- raw -%} x {%- endraw -%} b", "axb"), ("a{% raw %} x {% endraw %}b", "a x b"),
            ("{% raw %}\n{{ a }}\n{% endraw %}\nb", "{{ a }}\nb"),
            ("{% raw %}{% endrawx %}{%endraw%}", "{% endrawx %}"),
        ])
    func raw(template: String, result: String) {
        #expect(rendered(template) == result)
    }

    @Test(
        "a tag that is wrong is said in words",
        arguments: [
            (
                "{% if input %}a{% else if count %}b{% endif %}",
                "bad-tag: `{% else %}` takes no argument, found `if count`; write `{% elif count %}`"
            ),
            ("{% if input %}a{% endif input %}", "bad-tag: `{% endif %}` takes no argument, found `input`"),
            ("{% for a in tags %}a", "unclosed-tag: `{% for %}` needs `{% endfor %}`, found the end of the text"),
            (
                "{% for a in tags %}{% endif %}",
                "unclosed-tag: `{% for %}` needs `{% endfor %}`, found `{% endif %}`"
            ),
            ("{% raw %}a", "unclosed-tag: `{% raw %}` has no `{% endraw %}`"),
            (
                "{% if a",
                "unclosed-tag: `{%` is never closed; close it with `%}`; to write it as text, put it between "
                    + "`{% raw %}` and `{% endraw %}`"
            ),
            ("{% set x %}", "unknown-tag: unknown tag `{% set %}`; known tags: if, for and raw"),
            ("{% fro x in y %}", "unknown-tag: unknown tag `{% fro %}`; did you mean `{% for %}`?"),
            (
                "{% if a %}{% elsif b %}{% endif %}",
                "unknown-tag: unknown tag `{% elsif %}`; did you mean `{% elif %}`?"
            ),
            (
                "{% if a %}{% elseif b %}{% endif %}",
                "unknown-tag: unknown tag `{% elseif %}`; did you mean `{% elif %}`?"
            ),
            ("{% if %}{% endif %}", "bad-expression: the expression is empty"),
            ("{% if (count = 3) %}{% endif %}", "bad-expression: unexpected `=`; write `==` to compare"),
        ])
    func wrong(template: String, words: String) {
        #expect(rendered(template) == words)
    }

    @Test(
        "what is wrong is said with its place",
        arguments: [
            ("é {{ input | uper }}", 14..<18), ("{{ nope() }}", 3..<7), ("ab {{ x", 3..<5), ("ab {% if x", 3..<5),
            ("a{% esle %}", 1..<11), ("{{ a = 1 }}", 5..<6), ("x{{ }}", 3..<4), ("{{ 'a' @ 1 }}", 7..<8),
            ("{% if a %}b", 0..<10), ("{{ x | truncate: 3 }}", 15..<16), ("{% raw %}x", 0..<9),
        ])
    func places(template: String, range: Range<Int>) {
        #expect(Template.parse(template).issues.map(\.utf8Range) == [range])
    }

    @Test(
        "what cannot be rendered is said with the place of its expression",
        arguments: [
            ("é {{ inptu }}", 6..<11), ("a {{ nothing }}", 5..<12), ("{{ 1 + tags[9].x }}", 7..<14),
            ("{{ 1 + (count / 0) }}", 8..<17), ("{% for x in input %}{% endfor %}", 12..<17),
            ("{{ tags | upper }}", 3..<15), ("{% if steps.gone %}{% endif %}", 6..<16),
        ])
    func failurePlaces(template: String, range: Range<Int>) {
        let error = #expect(throws: TemplateFailure.self) { try Template.parse(template).template.render(sample) }
        #expect(error?.utf8Range == range)
    }

    @Test(
        "null and empty texts leave no hole, also where a choice picked them",
        arguments: [
            (
                "a {{ nothing if true else 'b' }}",
                #"empty-value: `nothing` is null; add `| default("…")` if it may be missing"#
            ),
            (
                "a {{ 'b' if false else empty }}",
                #"empty-value: `empty` is an empty text; add `| default("")` if that is intended"#
            ),
            ("a{{ '' if true else 'b' }}", "a"), ("a{{ 'b' if false else (nothing ?? '') }}", "a"),
            ("a{{ nothing | default('') }}", "a"), ("a{{ gone.x | default('') }}", "a"),
            ("{% if gone is defined %}x{% endif %}a", "a"), ("a{{ [] }}{{ {} }}{{ false }}{{ 0 }}", "a[]{}false0"),
        ])
    func holes(template: String, result: String) {
        #expect(rendered(template) == result)
    }

    @Test("a condition whose braces are not closed says so")
    func condition() {
        let issue = Expression.parse(" {{ count").issues.first
        #expect(issue?.message == "`{{` is never closed")
        #expect(issue?.utf8Range == 1..<3)
        #expect(Expression.parse("input == '{{'").issues.isEmpty)
    }
}
