import RunnelKit
import Templates
import TestSupport
import Testing

@Suite("Failures that do not depend on the values") struct CertainFailureTests {
    @Test(
        "an operation or an argument that fails whatever the values are is found without rendering",
        arguments: [
            ("input + '!'", "`input + \"!\"`: cannot compute … + \"!\""), ("1 / 0", "`1 / 0`: division by zero"),
            ("count % 0", "`count % 0`: division by zero"), ("null * count", "`null * count`: cannot compute null * …"),
            ("9223372036854775807 + 1", "`9223372036854775807 + 1`: the result does not fit 64 bits"),
            ("-'a'", "`-\"a\"`: \"a\" has no negative"),
            ("now() | date('%b')", "`now() | date(\"%b\")`: %b is unknown in a date pattern"),
            ("now() | date('%')", "`now() | date(\"%\")`: the date pattern ends with a single %"),
            (
                "input | truncate(-1)",
                "`input | truncate(-1)`: expected a whole number from 0 to 1000000, found -1"
            ),
            ("input | indent(2000)", "`input | indent(2000)`: an indentation of 2000 is too wide"),
            ("input | replace('', 'a')", "`input | replace(\"\", \"a\")`: the text to be replaced is empty"),
            ("half | round(16)", "`half | round(16)`: at most 15 decimals are possible"),
            ("tags | slice('a')", "`tags | slice(\"a\")`: expected whole numbers as bounds"),
            ("gone ?? (count / 0)", "`count / 0`: division by zero"),
            ("[{'a': rows[count - 'x']}]", "`count - \"x\"`: cannot compute … - \"x\""),
        ])
    func found(expression: String, message: String) {
        let (template, issues) = Template.parse("{{ \(expression) }}")
        #expect(issues.isEmpty)
        #expect(template.certainFailures.map(\.message) == [message])
        #expect(Expression.parse(expression).expression?.certainFailures == template.certainFailures.map(moved))
    }

    /// The failure in the text without braces.
    private func moved(_ failure: TemplateFailure) -> TemplateFailure {
        var failure = failure
        failure.utf8Range = failure.utf8Range.lowerBound - 3..<failure.utf8Range.upperBound - 3
        return failure
    }

    @Test("it is found in each tag, at its place")
    func tags() {
        let text = "{% if 1 / 0 %}{{ 2 / 0 }}{% elif 3 / 0 %}{% else %}{{ 4 / 0 }}{% endif %}"
        let loop = "{% for a in b | slice('5') %}{{ a / 0 }}{% else %}{{ 6 / 0 }}{% endfor %}"
        let found = Template.parse(text + loop).template.certainFailures
        let places = found.map {
            String((text + loop).utf8.dropFirst($0.utf8Range.lowerBound).prefix($0.utf8Range.count))
        }
        #expect(places == ["1 / 0", "2 / 0", "3 / 0", "4 / 0", "b | slice('5')", "a / 0", "6 / 0"])
    }

    @Test(
        "what can succeed with some value is none",
        arguments: [
            "count + 1", "tags + ['a']", "['a'] + tags", "count / 1", "0 / count", "input ~ '!'", "count < 'a'",
            "-count",
            "-1", "input | truncate(count)", "now() | date(input)", "tags | slice(-2, 5)", "input | split('')",
            "gone | default('a')", "1.5 | round(15)", "input | indent(-count)",
        ])
    func none(expression: String) {
        #expect(Template.parse("{{ \(expression) }}").template.certainFailures == [])
    }
}
