import RunnelKit
import Templates
import Testing

@Suite("Limits") struct LimitTests {
    @Test(
        "an expression of many operators in a row is refused, not crashed on",
        arguments: [
            " + 1", ".a", "[0]", " | upper", " ?? 1", " is defined", " and 1", " ~ 1",
        ])
    func chains(link: String) {
        let long = "input" + String(repeating: link, count: 100_000)
        #expect(rendered("{{ \(long) }}") == "bad-expression: the expression has more than 200 operators")
        let allowed = "1" + String(repeating: " + 1", count: 200)
        #expect(rendered("{{ \(allowed) }}") == "201")
    }

    @Test("fifty tags may stand in each other and no more")
    func tags() {
        func nested(_ count: Int) -> String {
            String(repeating: "{% if true %}", count: count) + "x" + String(repeating: "{% endif %}", count: count)
        }
        #expect(rendered(nested(50)) == "x")
        #expect(rendered(nested(51)).hasPrefix("too-deep: tags are nested deeper than 50 levels"))
    }

    @Test("tags that are nested too deep are one issue, however many they are")
    func depth() {
        for tag in ["{% if true %}", "{% for x in input %}", "{% if true %}{% else %}"] {
            let issues = Template.parse(String(repeating: tag, count: 5000)).issues
            #expect(issues.map { "\($0.code): \($0.message)" } == ["too-deep: tags are nested deeper than 50 levels"])
        }
    }

    @Test("filters in a row cannot multiply a text without bound")
    func amplification() {
        var limits = TemplateLimits()
        limits.output = 1000
        let doubling = "{{ '\"' " + String(repeating: "| tojson ", count: 60) + "}}"
        #expect(rendered(doubling, limits: limits).hasSuffix("is larger than 1000B"))
        let tenfold = "'aaaaaaaaaa'" + String(repeating: " | replace('a', 'aaaaaaaaaa')", count: 9)
        #expect(rendered("{{ \(tenfold) }}").hasSuffix(": the result is larger than 16MiB"))
        #expect(
            rendered("{{ range(1000000) | join('                    ') }}").hasSuffix(
                ": the result is larger than 16MiB"))
    }

    @Test("the limit of the output is reached exactly")
    func output() {
        var limits = TemplateLimits()
        limits.output = 10
        #expect(rendered("1234{{ input }}6", limits: limits) == "1234hello6")
        #expect(rendered("1234{{ input }}67", limits: limits) == "too-large: the text grows beyond 10B")
        #expect(rendered("é{{ input }}é1", limits: limits) == "éhelloé1")
        #expect(rendered("é{{ input }}é12", limits: limits) == "too-large: the text grows beyond 10B")
        #expect(
            rendered("{% for x in range(4) %}abc{% endfor %}", limits: limits) == "too-large: the text grows beyond 10B"
        )
    }

    @Test("a range is bounded by the loops' limit", arguments: [(4, true), (5, false)])
    func range(count: Int, isAllowed: Bool) {
        var limits = TemplateLimits()
        limits.iterations = 4
        let words = "too-many-iterations: `range(\(count))` has more than 4 items"
        let text = (0..<count).map(String.init).joined()
        #expect(
            rendered("{% for x in range(\(count)) %}{{ x }}{% endfor %}", limits: limits) == (isAllowed ? text : words))
    }

    @Test("many opened tags in a raw text take no more time than the text is long", .timeLimit(.minutes(5)))
    func raw() {
        let text = "{% raw %}" + String(repeating: "{% '", count: 200_000)
        #expect(rendered(text) == "unclosed-tag: `{% raw %}` has no `{% endraw %}`")
    }

    @Test("a missing key that is handled is not compared with the keys that are there", .timeLimit(.minutes(5)))
    func missingKeys() throws {
        let names = (0..<20_000).map { "a-rather-long-name-\($0)" }
        let scope = DictionaryScope([
            "names": .list(names.map { .string($0 + "?") }), "object": .object(ValueObject(names.map { ($0, 1) })),
        ])
        let text = "{% for name in names %}{{ object[name] | default('.') }}{{ object.gone ?? '' }}{% endfor %}"
        #expect(try Template.parse(text).template.render(scope) == .string(String(repeating: ".", count: 20_000)))
    }
}
