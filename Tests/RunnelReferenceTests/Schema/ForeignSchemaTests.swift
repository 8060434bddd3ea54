import JSONSchema
import RunnelKit
import RunnelReference
import Testing

/// A step whose schema was written elsewhere, as those of other languages' plugins are.
private struct ForeignPlugin: Plugin {
    let name = "foreign"
    let schema: Value
    var step = "foreign.step"

    var steps: [StepDefinition] {
        [
            StepDefinition(
                name: step, summary: "Does something.", documentation: StepDocumentation(output: "Nothing."),
                schema: schema
            ) { _, _ in .null }
        ]
    }
}

@Suite struct ForeignSchemaTests {
    private static let schema: Value = [
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/s", "type": "object",
        "properties": [
            "node": ["$ref": "#/$defs/Node"],
            "pair": ["type": "array", "prefixItems": [["type": "string"], ["type": "integer"]], "items": false],
            "either": ["oneOf": [["type": "integer"], ["type": "object", "required": ["a"]]]],
            "level": ["type": "integer", "exclusiveMinimum": 0],
            "kind": ["enum": ["a", "b"]], "other": ["$ref": "https://example.com/elsewhere"],
        ],
        "required": ["kind"], "dependentRequired": ["pair": ["level"]], "unevaluatedProperties": false,
        "$defs": [
            "Node": [
                "type": "object", "properties": ["next": ["$ref": "#/$defs/Node"], "size": ["type": "number"]],
                "additionalProperties": false,
            ]
        ],
    ]

    private func issues(_ with: String) throws -> [String] {
        let registry = try Project.registry(with: [ForeignPlugin(schema: Self.schema)])
        let schema = try JSONSchema(PipelineSchema.pipeline(registry))
        let data = try Project.data("steps: [ { uses: foreign.step, with: \(with) } ]")
        return schema.validate(data).map(\.description)
    }

    @Test(
        "what fits the schema fits the pipeline's, also with templates in it",
        arguments: [
            "{ kind: a }", "{ kind: '{{ input }}' }", "{ kind: a, node: { next: { next: { size: 1 } } } }",
            "{ kind: a, node: { next: '{{ input }}' } }", "{ kind: a, node: { next: { size: '{{ input }}' } } }",
            "{ kind: a, pair: [x, 1], level: 1 }", "{ kind: a, pair: '{{ input }}', level: '{{ input }}' }",
            "{ kind: a, either: 1 }", "{ kind: a, either: { a: 1 } }", "{ kind: a, either: '{{ input }}' }",
            "{ kind: a, other: [1] }",
        ])
    func fits(_ with: String) throws {
        #expect(try issues(with) == [])
    }

    @Test(
        "what does not fit the schema does not fit the pipeline's",
        arguments: [
            "{}", "{ kind: c }", "{ kind: a, node: { next: { sise: 1 } } }",
            "{ kind: a, node: { size: 'x{{ input }}' } }",
            "{ kind: a, pair: [x, 1] }", "{ kind: a, either: x }", "{ kind: a, level: 0 }", "x",
        ])
    func fails(_ with: String) throws {
        #expect(try !issues(with).isEmpty)
    }

    @Test("a step whose name has a meaning in URIs is found all the same")
    func names() throws {
        let registry = try StepRegistry([ForeignPlugin(schema: Self.schema, step: "foreign.a/b~c%41 ü#")])
        let schema = try JSONSchema(PipelineSchema.pipeline(registry))
        let step = "uses: 'foreign.a/b~c%41 ü#'"
        #expect(schema.validate(try Project.data("steps: [ { \(step), with: { kind: a, node: {} } } ]")) == [])
        let issues = schema.validate(try Project.data("steps: [ { \(step), with: { kind: a, node: { b: 1 } } } ]"))
        #expect(issues.map(\.key) == ["b"])
    }

    @Test("the schema with foreign ones in it is valid by the metaschema of 2020-12")
    func metaschema() throws {
        let registry = try Project.registry(with: [ForeignPlugin(schema: Self.schema)])
        let metaschema = try JSONSchema(["$ref": "https://json-schema.org/draft/2020-12/schema"])
        #expect(metaschema.validate(PipelineSchema.pipeline(registry)).map(\.description) == [])
    }
}
