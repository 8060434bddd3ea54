import RunnelKit
import Templates

/// The names that the tests of this module have in scope.
let sample = DictionaryScope(
    [
        "input": "hello", "nothing": .null, "empty": "", "braces": "{{ input }}", "count": 3, "half": 0.5,
        "tags": ["b", "a", "b"], "rows": [["name": "Ada", "age": 36], ["name": "Bob", "age": 9]],
        "steps": ["fetch-page": ["text": "page", "status": 200], "label": "bug"],
        "bytes": .bytes([0xFF]), "big": .int(.max),
    ], now: 1_795_424_400_000_000_000)

/// What a template renders to, or the words of what went wrong: "code: message; hint".
func rendered(_ text: String, limits: TemplateLimits = TemplateLimits()) -> String {
    let (template, issues) = Template.parse(text)
    guard issues.isEmpty else {
        return issues.map { words($0.code, $0.message, $0.hint) }.joined(separator: "\n")
    }
    do throws(TemplateFailure) {
        return try template.render(sample, limits: limits).text
    } catch {
        return words(error.code, error.message, error.hint)
    }
}

private func words(_ code: String, _ message: String, _ hint: String?) -> String {
    "\(code): \(message)" + (hint.map { "; \($0)" } ?? "")
}
