import RunnelKit
import Templates
import TestSupport
import Testing

@Suite("Texts") struct TextTests {
    @Test(
        "values, branches and loops take their places",
        arguments: [
            ("{{ input }}, {{ count }}!", "hello, 3!"), ("{{ braces }}.", "{{ input }}."),
            ("{% raw %}{{ input }}{% endraw %}", "{{ input }}"), ("{# stays #} {", "{# stays #} {"),
            ("{% if count > 5 %}a{% elif count > 2 %}b{% else %}c{% endif %}", "b"),
            ("{% if empty %}a{% endif %}-", "-"),
            (
                "{% for tag in tags %}{{ loop.index }}{{ tag }}{{ ',' if not loop.last else '' }}{% endfor %}",
                "1b,2a,3b"
            ),
            ("{% for key, value in rows[0] %}{{ key }}={{ value }};{% endfor %}", "name=Ada;age=36;"),
            ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
            ("a  {{- input -}}  b", "ahellob"), ("a\n  {%- if true -%}\n  b\n  {%- endif %}", "ab"),
            ("list:\n{% for tag in tags %}\n- {{ tag }}\n{% endfor %}\nend\n", "list:\n- b\n- a\n- b\nend\n"),
            ("  {% if true %}  \r\nx\r\n{% endif %}", "x\r\n"), ("{{ rows[1] }} ", #"{"name":"Bob","age":9} "#),
            ("a{{ '' }}b{{ empty | default('') }}c{{ nothing ?? '' }}", "abc"),
            ("{{ {\"a\": {}} | tojson }}!", #"{"a":{}}!"#),
        ])
    func text(template: String, result: String) {
        #expect(rendered(template) == result)
    }

    @Test(
        "a text never has a hole",
        arguments: [
            (
                "a {{ nothing }}",
                #"empty-value: `nothing` is null; add `| default("…")` if it may be missing"#
            ),
            (
                "a {{ empty | trim }}",
                #"empty-value: `empty | trim` is an empty text; add `| default("")` if that is intended"#
            ),
            (
                "a {{ bytes }}",
                "bad-value: `bytes` is binary data, not text; add `| base64` to put it into a text"
            ),
            (
                "{% for x in input %}{% endfor %}",
                "bad-operand: `input` is a string; a loop needs a list or an object"
            ),
        ])
    func hole(template: String, words: String) {
        #expect(rendered(template) == words)
    }

    @Test("a whole expression keeps its type, also when it is null or empty")
    func types() throws {
        for (text, value) in [
            ("{{ nothing }}", .null), ("{{ empty }}", ""), ("{{ tags }}", ["b", "a", "b"]),
            ("{{ bytes }}", .bytes([255])),
        ]
            as [(String, Value)]
        {
            let template = Template.parse(text).template
            #expect(template.isSingleExpression)
            let result = try template.render(sample)
            #expect(result == value)
        }
        #expect(Template.parse("{{ count }}\n").template.isSingleExpression == false)
        #expect(Template.parse("plain } text {").template.isLiteral)
    }

    @Test("output and loops are bounded")
    func limits() {
        var limits = TemplateLimits()
        limits.output = 10
        limits.iterations = 4
        #expect(rendered("12345678901", limits: limits) == "too-large: the text grows beyond 10B")
        #expect(
            rendered("{% for a in tags %}{% for b in tags %}.{% endfor %}{% endfor %}", limits: limits)
                == "too-many-iterations: the loops run more than 4 times")
    }

    @Test("no text crashes the parser or the renderer")
    func fuzz() {
        let pieces = [
            "{{", "}}", "{%", "%}", " if ", " for x in ", "endif", "else", "input", "tags", "|", "upper", "(", ")", "[",
            "0", "'", "\"", "-", ".", "é", "\n", " raw ", "??",
        ]
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &generator)]
            }.joined()
            let (template, issues) = Template.parse(text)
            let count = text.utf8.count
            #expect(issues.allSatisfy { $0.utf8Range.upperBound <= count }, "seed \(seed): \(text)")
            _ = try? template.render(sample)
        }
    }
}
