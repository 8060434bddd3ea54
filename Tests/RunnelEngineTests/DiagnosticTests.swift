import RunnelEngine
import RunnelKit
import Testing

@Suite("Diagnostics") struct DiagnosticTests {
    @Test(
        "what is wrong is printed with its place, its line, a caret and what to do",
        arguments: [
            (
                "stepz: []\nsteps: [{ uses: echo }]",
                """
                p.yaml:1:1: error: a pipeline has no key "stepz" [unknown-key]
                    1 | stepz: []
                      | ^~~~~
                      = did you mean "steps"?
                """
            ),
            (
                "steps:\n  - uses: ehco",
                """
                p.yaml:2:11: error: unknown step "ehco" [unknown-step]
                    2 |   - uses: ehco
                      |           ^~~~
                      = did you mean "echo"?
                """
            ),
            (
                "steps:\n  - uses: echo\n    wiht: {}",
                """
                p.yaml:3:5: error: a step has no key "wiht" [unknown-key]
                    3 |     wiht: {}
                      |     ^~~~
                      = did you mean "with"?
                """
            ),
            (
                "steps:\n  - uses: fail\n    with:\n      mesage: no",
                """
                p.yaml:4:7: error: fail has no key "mesage" [unknown-key]
                    4 |       mesage: no
                      |       ^~~~~~
                      = did you mean "message"?
                """
            ),
            (
                "steps:\n  - uses: echo\n    with: { value: \"{{ steps.two }}\" }\n  - id: two\n    uses: echo",
                """
                p.yaml:3:24: error: the step "two" runs later [later-step]
                    3 |     with: { value: "{{ steps.two }}" }
                      |                        ^~~~~~~~~
                      = it is on line 4; only steps above can be used
                """
            ),
            (
                "steps: []",
                """
                p.yaml:1:8: error: `steps` is empty [no-steps]
                    1 | steps: []
                      |        ^~
                      = add at least one step
                """
            ),
            (
                "steps:\n  - uses: fail\n    with: { message: 0123 }",
                """
                p.yaml:3:22: error: `message`: expected a string, found the number 123 [wrong-value]
                    3 |     with: { message: 0123 }
                      |                      ^~~~
                      = put it in quotes if it is meant as text
                """
            ),
            (
                "steps:\n  - uses: typed.step\n    with: { path: a, names: [b, true] }",
                """
                p.yaml:3:33: error: `names[1]`: expected a string, found true [wrong-value]
                    3 |     with: { path: a, names: [b, true] }
                      |                                 ^~~~
                      = put it in quotes if it is meant as text
                """
            ),
            ("", "p.yaml: error: the file is empty; a pipeline needs `steps:` [empty-file]"),
        ])
    func words(yaml: String, expected: String) throws {
        #expect(try printed(yaml) == expected)
    }

    @Test(
        "each mistake is said in its own words",
        arguments: [
            ("- id: a\n  uses: echo\n- id: a\n  uses: echo", #"p.yaml:4:7: error: two steps have the id "a""#),
            ("- uses: echo\n  with: { value: \"{{ steps.x }}\" }", #"there is no step with the id "x""#),
            ("- uses: echo\n  with: { value: \"{{ secrets.api_kei }}\" }", #"did you mean "api_key"?"#),
            ("- uses: echo\n  with: { value: \"{{ env.HOM }}\" }", #"did you mean "HOME"?"#),
            ("- uses: echo\n  with: { value: \"{{ inputs.x }}\" }", #"there is no input "x""#),
            ("- uses: echo\n  with: { value: \"{{ run.pipelin }}\" }", #"did you mean "pipeline"?"#),
            (
                "- uses: echo\n  with: { value: \"{{ error.code }}\" }",
                "`error` is only available in `on_failure` and `finally`"
            ),
            ("- uses: typed.step", #"p.yaml:2:9: error: typed.step needs the key "path""#),
            (
                "- uses: typed.step\n  with: { path: a, limit: 1, names: [b] }",
                #"typed.step: "limit" and "names" are mutually exclusive"#
            ),
            ("- uses: echo\n  timeout: 2 parsecs", "expected a duration such as"),
            ("- uses: echo\n  with: { value: \"{{ input | uper }}\" }", #"did you mean "upper"?"#),
            ("- uses: echo\n  with: { value: \"{{ input \" }", "error:"),
            ("- uses: echo\n  if: \"input ==\"", "p.yaml:3:"),
            ("- uses: typed.step\n  with: { path: a, mode: xml }", #"`mode`: "#),
            ("- uses: typed.step\n  with: { path: a, names: [b, 2] }", "p.yaml:3:31: error: `names[1]`: "),
            ("- uses: typed.step\n  with: { path: a, wait: soon }", "p.yaml:3:26: error: `wait`: expected a duration"),
            ("- id: a", #"a step needs the key "uses""#),
            ("- uses: echo\n  with: [1]", "`with`: expected a mapping, found a list"),
        ])
    func mistakes(steps: String, expected: String) throws {
        let text = try printed("steps:\n" + steps)
        #expect(text.contains(expected), "\(text)")
    }

    @Test("of one file no more than 200 errors are told, and that there are more")
    func bounded() throws {
        let tags = String(repeating: "{% x %}", count: 5000)
        let text = try printed("steps: [ { uses: echo, with: { value: \"\(tags)\" } } ]")
        let errors = text.split(separator: "\n").filter { $0.contains(": error: ") }
        #expect(errors.count == 201)
        #expect(
            errors.last?.hasSuffix(
                "error: there are more than 200 errors; the others are not shown [too-many-problems]") == true)
    }

    @Test(
        "a null that is written out is an error where it cannot stand",
        arguments: [
            ("name: null", "p.yaml:1:7: error: `name`: expected a string, found null"),
            ("description: ~", "p.yaml:1:14: error: `description`: expected a string, found null"),
            (
                "priority: null", "p.yaml:1:11: error: `priority`: expected a whole number from -10 to 10, found null"
            ),
            ("timeout:", "p.yaml:1:9: error: `timeout`: expected a duration such as"),
            ("concurrency: null", "p.yaml:1:14: error: `concurrency`: expected a mapping, found null"),
            (
                "concurrency: { limit: null }",
                "p.yaml:1:23: error: `concurrency.limit`: expected a whole number, found null"
            ),
            ("on_failure: null", "p.yaml:1:13: error: `on_failure`: expected a list, found null"),
            ("finally: null", "p.yaml:1:10: error: `finally`: expected a list, found null"),
            (
                "inputs: { a: { default: null } }",
                #"p.yaml:1:25: error: the default of the input "a" is null"#
            ),
            ("inputs: { a: { type: null } }", "p.yaml:1:22: error: `type`: expected one of"),
            ("inputs: { a: { enum: null } }", "p.yaml:1:22: error: `enum`: expected a list, found null"),
            ("inputs: { a: { required: null } }", "p.yaml:1:26: error: `required`: expected true or false, found null"),
        ])
    func nulls(key: String, expected: String) throws {
        let text = try printed(key + "\nsteps: [{ uses: echo }]")
        #expect(text.hasPrefix(expected), "\(text)")
        #expect(text.contains("[empty-value]"))
    }

    @Test("a key of `item` that no list of `for_each` has is found, also in a group")
    func itemKeys() throws {
        let lists = "for_each: { system: [a], size: [1] }"
        for step in [
            "uses: echo, \(lists), with: { value: '{{ item.sytem }}' }",
            "\(lists), steps: [ { uses: echo, with: { value: '{{ item.sytem }}' } } ]",
        ] {
            let text = try printed("steps: [ { \(step) } ]")
            #expect(text.contains("there is no `item` value \"sytem\" [unknown-reference]"), "\(text)")
            #expect(text.contains("= did you mean \"system\"?"), "\(text)")
        }
        let valid = try printed(
            """
            steps:
              - { uses: echo, \(lists), with: { value: "{{ item.system }} {{ item.size }}" } }
              - { uses: echo, for_each: [{ oss: 1 }], with: { value: "{{ item.oss }}" } }
            """)
        #expect(valid == "", "\(valid)")
    }

    @Test(
        "a null that is written out is an error in a step where it cannot stand",
        arguments: [
            ("id: null", "`id`: expected a string, found null"), ("if:", "`if`: expected an expression, found null"),
            ("for_each: null", "`for_each`: expected a list, found null"),
            ("max_parallel: null", "`max_parallel`: expected a whole number, found null"),
            ("retry: null", "`retry`: expected a mapping, found null"),
            ("retry: { attempts: null }", "`retry.attempts`: expected a whole number, found null"),
            ("retry: { growth: null }", "`retry.growth`: null is not one of"),
            ("timeout: null", "`timeout`: expected a duration such as"),
            ("on_error: null", "`on_error`: expected one of"),
            ("with: { message: null }", "`message`: expected a string, found null"),
            ("with: { message: '{{ null }}' }", "`message`: expected a string, found null"),
        ])
    func nullsInSteps(key: String, expected: String) throws {
        let text = try printed("steps:\n  - uses: fail\n    \(key)")
        #expect(text.contains(expected), "\(text)")
        #expect(text.contains("p.yaml:3:") && text.contains("[empty-value]"), "\(text)")
    }

    @Test("what fails in an expression whatever the values are is an error at its place")
    func certainFailures() throws {
        let text = try printed(
            "steps:\n  - { uses: echo, if: input / 0, with: { value: \"a {{ now() | date('%b') }}\" } }")
        #expect(text.contains("p.yaml:2:23: error: `input / 0`: division by zero [bad-operand]"), "\(text)")
        #expect(
            text.contains(
                "p.yaml:2:55: error: `now() | date(\"%b\")`: %b is unknown in a date pattern [filter-failed]"),
            "\(text)")
    }

    @Test("a text with a template is no list of `for_each`")
    func noList() throws {
        let text = try printed(
            "steps:\n  - { uses: echo, for_each: \"x{{ input }}\" }\n  - { uses: echo, for_each: { a: \"{{ input }},\" } }"
        )
        #expect(
            text.contains("p.yaml:2:29: error: `for_each`: expected a list, found \"x{{ input }}\" [wrong-type]"),
            "\(text)")
        #expect(
            text.contains("p.yaml:3:34: error: `for_each.a`: expected a list, found \"{{ input }},\" [wrong-type]"),
            "\(text)")
    }

    @Test("a time limit of 0 is an error")
    func noTime() throws {
        let text = try printed("timeout: 0s\nsteps: [{ uses: echo, timeout: 0ms }]")
        for (place, value) in [("1:10", "0s"), ("2:32", "0ms")] {
            let message = "`timeout`: expected a duration above 0, found \"\(value)\" [wrong-value]"
            #expect(text.contains("p.yaml:\(place): error: \(message)\n"), "\(text)")
        }
        #expect(text.contains("= leave it out for no time limit"))
    }

    @Test(
        "a priority is a whole number from -10 to 10",
        arguments: [
            ("11", "the number 11"), ("-11", "the number -11"), ("2.5", "the number 2.5"), ("high", "\"high\""),
            ("\"{{ inputs.urgent }}\"", "\"{{ inputs.urgent }}\""), ("99999999999999999999", "the number 1e+20"),
        ])
    func priority(written: String, found: String) throws {
        let text = try printed("priority: \(written)\nsteps: [{ uses: echo }]")
        #expect(
            text.hasPrefix(
                "p.yaml:1:11: error: `priority`: expected a whole number from -10 to 10, found \(found) [wrong-value]\n"
            ),
            "\(text)")
    }

    @Test("an empty section has no keys")
    func emptySections() throws {
        #expect(try printed("on:\ninputs:\nsteps: [{ uses: fail, with: }]") == "")
    }

    @Test(
        "a template that names nothing is shown at its place inside every style of scalar",
        arguments: [
            ("value: a {{ nope }}", "p.yaml:4:19:"), ("value: \"\\t{{ nope }}\"", "p.yaml:4:20:"),
            ("value: 'it''s {{ nope }}'", "p.yaml:4:24:"),
            ("value: |\n        one\n        {{ nope }}", "p.yaml:6:12:"),
            ("value: >\n        one\n        {{ nope }}", "p.yaml:6:12:"),
        ])
    func places(with: String, place: String) throws {
        let text = try printed("steps:\n  - uses: echo\n    with:\n      \(with)")
        #expect(text.hasPrefix(#"\#(place) error: unknown name "nope""#), "\(text)")
    }

    @Test("a template without quotes is an error that says to put it in quotes")
    func unquoted() throws {
        let text = try printed("steps:\n  - uses: echo\n    with:\n      value: {{ input }}")
        #expect(text.contains("[unquoted-template]"), "\(text)")
        #expect(text.contains("= put a template in quotes: \"{{ … }}\""), "\(text)")
    }

    @Test(
        "a template where none is rendered, and a comment of Jinja, get a warning that says what to write instead",
        arguments: [
            (
                "name: n-{{ vars.v }}\nsteps: [{ uses: echo }]",
                "p.yaml:1:7: warning: templates are not rendered in `name`; the text stays as it is",
                "write a fixed name"
            ),
            (
                "inputs:\n  q: { default: \"{{ vars.v }}\" }\nsteps: [{ uses: echo }]",
                "p.yaml:2:17: warning: templates are not rendered in the default of an input; the text stays as it is",
                "use the template where `inputs.q` is used"
            ),
            (
                "steps:\n  - uses: echo\n    with: { value: \"{# a comment #}a\" }",
                "p.yaml:3:20: warning: `{# … #}` stays in the text",
                "write comments in YAML, after `#`; `{% raw %}` marks text that stays"
            ),
        ])
    func unrendered(yaml: String, line: String, hint: String) throws {
        let text = try printed(yaml)
        #expect(text.hasPrefix("\(line) [unrendered-template]"), "\(text)")
        #expect(text.contains("= \(hint)"), "\(text)")
    }

    @Test("text in `raw` that looks like a comment gets no warning")
    func rawComment() throws {
        #expect(try printed("steps:\n  - uses: echo\n    with: { value: \"{% raw %}{# x #}{% endraw %}\" }") == "")
    }

    @Test("a duplicate key is an error that shows both places")
    func duplicateKey() throws {
        let text = try printed("name: a\nname: b\nsteps: []")
        #expect(text.contains("p.yaml:2:1: error:"), "\(text)")
        #expect(text.contains("line 1, column 1:"), "\(text)")
    }

    @Test("several mistakes come in the order of the file, also as JSON")
    func several() throws {
        let loader = try PipelineLoader(registry: StepRegistry([FakePlugin()]))
        let diagnostics = loader.load(Array("x: 1\nsteps:\n  - uses: nothing-like-it".utf8), file: "p.yaml")
            .report.diagnostics
        #expect(diagnostics.map(\.code) == ["unknown-key", "unknown-step"])
        let last = DiagnosticPrinter.json(diagnostics.suffix(1)).json()
        #expect(
            last == #"[{"code":"unknown-step","severity":"error","file":"p.yaml","line":3,"column":11,"end_line":3,"#
                + #""end_column":26,"message":"unknown step \"nothing-like-it\"","#
                + #""hint":"`runnel steps` lists all steps"}]"#)
    }
}

/// A step of a plugin outside Runnel.
private struct Gauge: Step {
    static let name = "gauge"
    static let summary = "Reads a gauge."
    static let documentation = StepDocumentation(output: "The height.")
    static let nameHints = [
        NameHint("write `unit: …`", for: ["measure"]),
        NameHint("write `uses: gauge`", for: ["level"], in: .name),
        NameHint("write `uses: gauge` and `with: { unit: … }`", for: ["read"], in: .step),
    ]
    @Field("The unit of the height.") var unit: String = "m"

    func run(_ context: StepContext) async throws -> Value { .null }
}

/// A trigger of a plugin outside Runnel.
private struct Tide: Trigger {
    static let name = "tide"
    static let summary = "Starts a run at high tide."
    static let documentation = TriggerDocumentation(payload: [])
    static let nameHints = [
        NameHint("write `harbour: …`", for: ["port"]),
        NameHint("write `tide: { harbour: … }`", for: ["flood"], in: .name),
        NameHint("write `on: { tide: { harbour: … } }`", for: ["flood"], in: .pipeline),
    ]
    @Field("Where.") var harbour: String?

    func run(_ context: TriggerContext) async throws {}
}

private struct CoastPlugin: Plugin {
    let name: String
    var steps: [StepDefinition] = []
    var triggers: [TriggerDefinition] = []
}

private func step(_ name: String, _ hint: String) -> StepDefinition {
    var step = StepDefinition(
        name: name, summary: "", documentation: StepDocumentation(output: ""), schema: ["type": "object"]
    ) { _, _ in .null }
    step.nameHints = [NameHint(hint, for: ["level"], in: .name)]
    return step
}

@Suite("Names of other tools") struct NameHintTests {
    private func said(_ yaml: String, _ plugins: [any Plugin]) throws -> [String] {
        let loader = try PipelineLoader(registry: StepRegistry(plugins))
        return loader.load(Array(yaml.utf8), file: "p.yaml").report.diagnostics.map { diagnostic in
            "\(diagnostic.message) = \(diagnostic.hint ?? "")"
        }
    }

    @Test("a plugin's hints are given for keys and names, and for keys of a step or a pipeline")
    func places() throws {
        let plugin = CoastPlugin(
            name: "coast", steps: [StepDefinition(Gauge.self)], triggers: [TriggerDefinition(Tide.self)])
        let yaml = """
            flood: x
            tide: x
            on: { tide: { port: Husum }, flood: {} }
            steps:
              - { uses: gauge, with: { measure: m } }
              - { uses: level }
              - { read: x }
              - { uses: gauge, unit: m }
              - { unit: m }
              - { gauge: {} }
            """
        #expect(
            try said(yaml, [plugin]) == [
                #"a pipeline has no key "flood" = write `on: { tide: { harbour: … } }`"#,
                #"a pipeline has no key "tide" = write `on: { tide: … }`"#,
                #"tide has no key "port" = write `harbour: …`"#,
                #"unknown trigger "flood" = write `tide: { harbour: … }`"#,
                #"gauge has no key "measure" = write `unit: …`"#,
                #"unknown step "level" = write `uses: gauge`"#,
                #"a step has no key "read" = write `uses: gauge` and `with: { unit: … }`"#,
                #"a step has no key "unit" = indent `unit` below `with:`"#,
                #"a step has no key "unit" = indent `unit` below `with:`"#,
                #"a step has no key "gauge" = write `uses: gauge` and `with: { … }`"#,
            ])
    }

    @Test("if several plugins have a hint for a name, the first plugin's is given; a name that exists gets no hint")
    func order() throws {
        let plugins = [
            CoastPlugin(name: "one", steps: [step("z", "write `uses: z`")]),
            CoastPlugin(name: "two", steps: [step("a", "write `uses: a`")]),
        ]
        #expect(try said("steps: [ { uses: level } ]", plugins) == ["unknown step \"level\" = write `uses: z`"])
        let three = CoastPlugin(name: "three", steps: [step("level", "")])
        #expect(try said("steps: [ { uses: level } ]", plugins + [three]) == [])
    }

    @Test("a misspelled key of a step is not taken for a key of another step's `with:`")
    func slips() throws {
        let schema: Value = ["type": "object", "properties": ["timeouts": true]]
        let patient = StepDefinition(
            name: "patient", summary: "", documentation: StepDocumentation(output: ""), schema: schema
        ) { _, _ in .null }
        let plugin = CoastPlugin(name: "coast", steps: [StepDefinition(Gauge.self), patient])
        #expect(
            try said("steps: [ { uses: gauge, timeouts: 1s }, { uses: patient, timeouts: 1s } ]", [plugin]) == [
                #"a step has no key "timeouts" = did you mean "timeout"?"#,
                #"a step has no key "timeouts" = indent `timeouts` below `with:`"#,
            ])
    }
}
