import RunnelKit
import Testing

@testable import RunnelEngine

/// A program in another language, whose step has this schema.
private struct ProgramPlugin: Plugin {
    let name = "program"
    let schema: Value
    var steps: [StepDefinition] {
        [
            StepDefinition(
                name: "program.go", summary: "Goes.", documentation: StepDocumentation(output: "null"), schema: schema
            ) { _, _ in .null }
        ]
    }
}

@Suite("Marks in the schema of a program's step") struct SchemaMarkTests {
    /// Schemas in which the mark counts for the value of `a`, or for what is in it, with a value for `a`.
    private static func shapes(_ mark: Value) -> [(schema: Value, setting: (String) -> String)] {
        let plain: (String) -> String = { "{ a: \"\($0)\" }" }
        let properties: Value = ["properties": ["a": mark]]
        let empty: Value = ["properties": ["b": ["type": "string"]]]
        let inList: (String) -> String = { "{ a: [\"\($0)\"] }" }
        return [
            (properties, plain),
            (["properties": ["a": ["$ref": "#/$defs/P"]], "$defs": ["P": mark]], plain),
            (["properties": ["a": ["$ref": "#/$defs/a~1%62"]], "$defs": ["a/b": mark]], plain),
            (["$ref": "#/$defs/All", "$defs": ["All": properties]], plain),
            (["properties": ["a": ["anyOf": [mark, ["type": "array", "items": mark]]]]], plain),
            (["properties": ["a": ["anyOf": [mark, ["type": "array", "items": mark]]]]], inList),
            (["properties": ["a": ["prefixItems": [["type": "string"], mark]]]], { "{ a: [x, \"\($0)\"] }" }),
            (["properties": ["a": ["type": "array", "contains": mark]]], inList),
            (["patternProperties": ["^a": mark]], plain),
            (["additionalProperties": mark], plain),
            (["unevaluatedProperties": mark], plain),
            (["allOf": [empty, properties]], plain),
            (["allOf": [["properties": ["b": mark]], properties]], plain),
            (["properties": ["a": mark], "allOf": [["properties": ["b": mark]]]], plain),
            (["if": empty, "then": properties], plain),
            (["if": empty, "else": properties], plain),
            (["dependentSchemas": ["a": properties]], plain),
            (["properties": ["a": mark, "inner": ["$ref": "#"]]], { "{ inner: { inner: { a: \"\($0)\" } } }" }),
        ]
    }

    private func codes(_ schema: Value, _ with: String) throws -> [String] {
        let loader = try PipelineLoader(
            registry: StepRegistry([ProgramPlugin(schema: schema)]), project: ProjectDirectory(path: "/p"))
        let yaml = "steps: [{ uses: program.go, with: \(with) }]"
        return loader.load(Array(yaml.utf8), file: "p.yaml").report.diagnostics.map(\.code)
    }

    @Test("a path of the project is checked wherever it stands")
    func paths() throws {
        for (schema, setting) in Self.shapes(["type": "string", "format": "project-path"]) {
            #expect(try codes(schema, setting("data/a.txt")).isEmpty, "\(schema)")
            #expect(try codes(schema, setting("data/../../../etc/passwd")) == ["path-outside"], "\(schema)")
        }
    }

    @Test("a script is written out wherever it stands, and is not in what a template returns")
    func scripts() throws {
        for (schema, setting) in Self.shapes(["type": "string", "format": "script"]) {
            #expect(try codes(schema, setting("echo")).isEmpty, "\(schema)")
            #expect(try codes(schema, setting("echo {{ input }}")) == ["script-injection"], "\(schema)")
        }
        let schema: Value = ["properties": ["a": ["properties": ["run": ["type": "string", "format": "script"]]]]]
        #expect(try codes(schema, "{ a: \"{{ input }}\" }") == ["script-injection"])
    }

    @Test("a secret that is a literal is reported wherever it stands")
    func secrets() throws {
        for (schema, setting) in Self.shapes(["type": "string", "writeOnly": true]) {
            #expect(try codes(schema, setting("hunter2xyz")).contains("literal-secret"), "\(schema)")
            #expect(try !codes(schema, setting("{{ secrets.key }}")).contains("literal-secret"), "\(schema)")
        }
    }
}
