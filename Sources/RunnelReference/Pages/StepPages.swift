import RunnelEngine
import RunnelKit
import Templates

/// `steps.md`: every registered step.
enum StepsReference {
    static func text(_ registry: StepRegistry) -> String {
        let steps = registry.names.compactMap { registry[$0] }
        let list = steps.map { "- [`\($0.name)`](#\(Markdown.anchor($0.name))): \($0.summary)\n" }.joined()
        return """
            # Steps

            What `uses:` can name, and the keys of `with:` for each. A template may stand in the place of any value.
            `runnel steps NAME` prints the same, also for the steps of plugins of your own.

            \(list)

            """ + steps.map { section($0) }.joined(separator: "\n")
    }

    /// - Parameter heading: The mark of its heading.
    static func section(_ step: StepDefinition, heading: String = "##") -> String {
        let documentation = step.documentation
        let keys = KeyTable.text(step.schema)
        var parts = ["\(heading) \(step.name)\n", step.summary + "\n"]
        if !documentation.details.isEmpty { parts.append(Markdown.paragraphs(documentation.details)) }
        parts.append(keys.isEmpty ? "It has no keys.\n" : keys)
        if !step.rules.isEmpty { parts.append(KeyTable.text(step.rules) + "\n") }
        if !documentation.output.isEmpty { parts.append("**Output.** \(documentation.output)\n") }
        if step.isRepeatable {
            parts.append("**Repeatable.** Running it again has no cost and no side effect.\n")
        }
        for example in documentation.examples {
            parts.append("\(example.title):\n")
            parts.append(Markdown.yaml(example.yaml.asListItem))
        }
        return parts.joined(separator: "\n")
    }
}

extension String {
    /// The text as an entry of a YAML list.
    fileprivate var asListItem: String {
        split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { $0.element.isEmpty ? "" : ($0.offset == 0 ? "- " : "  ") + $0.element }.joined(separator: "\n")
    }
}

/// `triggers.md`: every registered trigger.
enum TriggersReference {
    static func text(_ registry: StepRegistry) -> String {
        let triggers = registry.triggerNames.compactMap { registry.trigger(named: $0) }
        let list = triggers.map { "- [`\($0.name)`](#\(Markdown.anchor($0.name))): \($0.summary)\n" }.joined()
        return """
            # Triggers

            What `on:` can name: what starts runs under `runnel serve`. Each key has one entry or a list of them.
            Templates in an entry know `vars`, `secrets` and `env` only, because there is no run yet. `manual:` may stand there
            too and says what is always possible: a person starts the run.

            \(list)
            ## Keys of every trigger

            \(PipelineReference.table(PipelineKeys.trigger))
            `if` and `debounce.key` are evaluated for each event and can use `trigger`, `input`, `inputs`, `vars`, `secrets`
            and `env`. A value that an event does not have is null in `if`, since one hook often gets events of several
            shapes. An event for which `if` cannot be evaluated is ignored, and the log says why. An event that is ignored starts no run and costs none: a webhook is answered with 202 and
            `{"ignored": true}`, a watched file is treated as after a successful run (`after`), a tick or the end of a run
            is passed over. `runnel status` counts ignored events. A `debounce.key` that cannot be evaluated for an event
            counts as null, and the log says why: such events of an entry are folded into one run.

            ### debounce

            \(PipelineReference.table(PipelineKeys.debounce))
            The run is kept in the journal in the state `waiting` from the first event on, so a burst survives a restart.
            `trigger` is that of the last event; `trigger.count` is the number of events, and `trigger.folded` lists them,
            the oldest first and the last one included. At most the latest \(Debounce.maximumEvents) events with
            \(ByteCount(Debounce.maximumBytes)) are listed; long texts in them are cut, secrets are masked, and keys that the tables below name as not in
            `trigger.folded` are left out. With more events than that, `trigger.count` is greater than the length of the list.

            ```yaml
            on:
              run:
                states: [failed]
                debounce: { for: 30s, max: 5m, key: "{{ trigger.pipeline }}" }
            ```

            """ + triggers.map { section($0) }.joined(separator: "\n")
    }

    /// - Parameter heading: The mark of its heading.
    static func section(_ trigger: TriggerDefinition, heading: String = "##") -> String {
        let documentation = trigger.documentation
        var parts = ["\(heading) \(trigger.name)\n", trigger.summary + "\n"]
        if !documentation.details.isEmpty { parts.append(Markdown.paragraphs(documentation.details)) }
        parts.append(KeyTable.text(trigger.schema))
        if !trigger.rules.isEmpty { parts.append(KeyTable.text(trigger.rules) + "\n") }
        let payload =
            [["`trigger.type`", Markdown.code(trigger.name)]]
            + documentation.payload.map {
                [Markdown.code("trigger.\($0.name)"), $0.help + ($0.isListed ? "" : " Not in `trigger.folded`.")]
            }
        parts.append("Templates find:\n")
        parts.append(Markdown.table(["name", "meaning"], payload))
        for example in documentation.examples {
            parts.append("\(example.title):\n")
            let lines = example.yaml.split(separator: "\n", omittingEmptySubsequences: false)
            parts.append(Markdown.yaml("on:\n" + lines.map { $0.isEmpty ? "" : "  \($0)" }.joined(separator: "\n")))
        }
        return parts.joined(separator: "\n")
    }
}

/// `filters.md`: every filter of the template language.
enum FiltersReference {
    static func text(_ registry: StepRegistry) throws(RegistryError) -> String {
        let environment = try TemplateEnvironment(filters: registry.filters)
        let standard = Set(TemplateEnvironment.standard.filters.map(\.name))
        let others = environment.filters.filter { !standard.contains($0.name) }
        var rows = environment.filters.filter { standard.contains($0.name) }.map { row($0, environment) }
        rows.append([
            Markdown.code("default(value)"),
            "The argument, if the value is missing, null or an empty text.",
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

/// An example expression for each filter. The results in the reference are computed.
enum FilterExamples {
    static let expressions: [String: String] = [
        "upper": #""Hello" | upper"#,
        "lower": #""Hello" | lower"#,
        "trim": #""  Hello " | trim"#,
        "capitalize": #""hello world" | capitalize"#,
        "title": #""hello world" | title"#,
        "slug": #""Q3: Plans & Costs" | slug"#,
        "dedent": #""  a\n    b" | dedent"#,
        "replace": #""a-b-c" | replace("-", "+")"#,
        "truncate": #""Hello world" | truncate(6)"#,
        "indent": #""a\nb" | indent(2)"#,
        "split": #""a,b" | split(",")"#,
        "lines": #""a\nb\n" | lines"#,
        "contains": #""Hello" | contains("ell")"#,
        "starts_with": #""Hello" | starts_with("He")"#,
        "ends_with": #""Hello" | ends_with("lo")"#,
        "wordcount": #""one two three" | wordcount"#,
        "join": #"["a", "b"] | join(", ")"#,
        "length": #"["a", "b"] | length"#,
        "first": #"["a", "b"] | first"#,
        "last": #"["a", "b"] | last"#,
        "reverse": #"["a", "b"] | reverse"#,
        "slice": #"["a", "b", "c", "d"] | slice(1, 3)"#,
        "sort": #"[{"n": 2}, {"n": 1}] | sort("n")"#,
        "unique": #"["a", "b", "a"] | unique"#,
        "map": #"[{"n": 1}, {"n": 2}] | map("n")"#,
        "where": #"[{"ok": true, "n": 1}, {"ok": false, "n": 2}] | where("ok", true)"#,
        "keys": #"{"a": 1, "b": 2} | keys"#,
        "values": #"{"a": 1, "b": 2} | values"#,
        "items": #"{"a": 1} | items"#,
        "round": "3.14159 | round(2)",
        "abs": "(-3) | abs",
        "int": #""42" | int"#,
        "float": #""1.5" | float"#,
        "string": "42 | string",
        "bool": #""false" | bool"#,
        "min": "[3, 1, 2] | min",
        "max": "[3, 1, 2] | max",
        "sum": "[3, 1, 2] | sum",
        "tojson": #"{"a": [1, 2]} | tojson"#,
        "fromjson": #""[1, 2]" | fromjson"#,
        "base64": #""Hello" | base64"#,
        "base64_decode": #""SGVsbG8=" | base64_decode"#,
        "urlencode": #""a b&c" | urlencode"#,
        "date": #""2026-11-24T09:00:00Z" | date("%d.%m.%Y")"#,
        "default": #""" | default("nobody")"#,
    ]
}
