import RunnelKit
import Templates

/// `filters.md`: every filter of the template language.
enum FiltersPage {
    static func text(_ registry: StepRegistry) throws(RegistryError) -> String {
        let environment = try TemplateEnvironment(filters: registry.filters)
        let standard = Set(TemplateEnvironment.standard.filters.map(\.name))
        let others = environment.filters.filter { !standard.contains($0.name) }
        var rows = environment.filters.filter { standard.contains($0.name) }.map { row($0, environment) }
        rows.append([
            Markdown.code("default(value)"),
            "The value, where what stands before it is missing, null or an empty text.",
            example("default", environment),
        ])
        rows.sort { $0[0] < $1[0] }
        let header = ["filter", "gives", "example"]
        return """
            # Filters

            What can stand behind a `|` in a template: `{{ steps.page.title | upper }}`. Filters follow one another from
            left to right and bind tighter than operators. The language itself is described in
            [templates.md](../templates.md).

            \(Markdown.table(header, rows))
            """
                + (others.isEmpty
                    ? "" : "\n## Of plugins\n\n" + Markdown.table(header, others.map { row($0, environment) }))
    }

    private static func row(_ filter: TemplateFilter, _ environment: TemplateEnvironment) -> [String] {
        [Markdown.code(filter.usage), filter.summary, example(filter.name, environment)]
    }

    private static func example(_ name: String, _ environment: TemplateEnvironment) -> String {
        guard let written = FilterExamples.expressions[name],
            let expression = Expression.parse(written, environment: environment).expression,
            let value = try? expression.evaluate(DictionaryScope([:]))
        else { return "" }
        return "\(Markdown.code(written)) is \(Markdown.code(value.json()))"
    }
}
