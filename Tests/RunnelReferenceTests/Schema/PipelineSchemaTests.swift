import JSONSchema
import RunnelEngine
import RunnelKit
import Testing

@testable import RunnelReference

@Suite struct PipelineSchemaTests {
    private func schema() throws -> JSONSchema { try JSONSchema(PipelineSchema.pipeline(Project.registry())) }

    @Test("every pipeline that ships is valid")
    func shipped() throws {
        let schema = try schema()
        let files = try Project.pipelines()
        #expect(files.count >= 6)
        for file in files {
            let issues = schema.validate(try Project.data(try Project.text(file)))
            #expect(issues.isEmpty, "\(file): \(issues.map(\.description))")
        }
    }

    @Test("every example in the documentation of a step is valid")
    func stepExamples() throws {
        let (schema, registry) = (try schema(), try Project.registry())
        for name in registry.names {
            for example in registry[name]?.documentation.examples ?? [] {
                let yaml = "steps:\n  -\n" + example.yaml.indented(by: 4)
                let issues = schema.validate(try Project.data(yaml))
                #expect(issues.isEmpty, "\(name), \(example.title): \(issues.map(\.description))")
            }
        }
    }

    @Test("every example in the documentation of a trigger is valid")
    func triggerExamples() throws {
        let (schema, registry) = (try schema(), try Project.registry())
        for name in registry.triggerNames {
            let examples = registry.trigger(named: name)?.documentation.examples ?? []
            #expect(!examples.isEmpty, "\(name) has no example")
            for example in examples {
                let yaml = "steps: [ { uses: log, with: { message: a } } ]\non:\n" + example.yaml.indented(by: 2)
                let issues = schema.validate(try Project.data(yaml))
                #expect(issues.isEmpty, "\(name), \(example.title): \(issues.map(\.description))")
            }
        }
    }

    @Test("what the engine refuses for its shape is refused", arguments: BrokenPipelines.all)
    func refused(_ broken: BrokenPipeline) throws {
        let (_, diagnostics) = try Project.load(broken.yaml)
        #expect(diagnostics.contains { $0.code == broken.code }, "\(diagnostics.map { "\($0.code): \($0.message)" })")
        #expect(!(try schema().validate(try Project.data(broken.yaml))).isEmpty)
    }

    @Test("what the engine accepts is valid", arguments: AcceptedPipelines.all)
    func accepted(_ yaml: String) throws {
        let (_, diagnostics) = try Project.load(yaml)
        #expect(diagnostics.map(\.message) == [])
        #expect(try schema().validate(try Project.data(yaml)).map(\.description) == [])
    }

    @Test("the schemas are valid by the metaschema of 2020-12")
    func metaschema() throws {
        let metaschema = try JSONSchema(["$ref": "https://json-schema.org/draft/2020-12/schema"])
        for schema in [
            PipelineSchema.pipeline(try Project.registry()), PipelineSchema.settings(try Project.registry()),
        ] {
            #expect(metaschema.validate(schema).map(\.description) == [])
        }
    }

    @Test("the schema means the same as draft-07 and as draft 2020-12")
    func dialects() throws {
        var object = try #require(PipelineSchema.pipeline(try Project.registry()).asObject)
        let older = try JSONSchema(.object(object))
        object["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        let newer = try JSONSchema(.object(object))
        for yaml in BrokenPipelines.all.map(\.yaml) + AcceptedPipelines.all {
            let data = try Project.data(yaml)
            #expect(older.validate(data) == newer.validate(data))
        }
    }

    @Test("the keys are those that the engine knows")
    func keys() throws {
        for (yaml, definition) in [
            ("zzzzzzzzz: 1", nil), ("steps: [ { zzzzzzzzz: 1 } ]", "step"),
            ("inputs: { a: { zzzzzzzzz: 1 } }", "input"),
            ("on: { run: { debounce: { for: 1s, zzzzzzzzz: 1 } } }", "debounce"),
        ] {
            let (_, diagnostics) = try Project.load(yaml)
            let hint = try #require(diagnostics.first { $0.code == "unknown-key" }?.hint)
            let schema = PipelineSchema.pipeline(try Project.registry())
            let object = definition.map { schema["definitions"]?[$0] } ?? schema
            let keys = object?["properties"]?.asObject?.keys ?? []
            #expect(hint == "known keys: " + keys.joined(separator: ", "))
        }
    }

    @Test("the keys that all triggers share, and the names in templates, are those that the engine knows")
    func names() throws {
        let registry = try Project.registry()
        let own = try #require(registry.trigger(named: "run")).fields.map(\.key)
        let (_, entry) = try Project.load("on: { run: { zzzzzzzzz: 1 } }\nsteps: [ { uses: log } ]", registry: registry)
        let keys = own + PipelineKeys.trigger.map(\.name)
        #expect(entry.map(\.hint).contains("its keys are " + keys.joined(separator: ", ")))
        let (_, template) = try Project.load(
            "steps: [ { uses: log, with: { message: \"{{ zzzzzzzzz }}\" } } ]", registry: registry)
        let beginning = "known names: "
        let hint = try #require(template.compactMap(\.hint).first { $0.hasPrefix(beginning) })
        let known = hint.dropFirst(beginning.count).split(separator: ", ").map(String.init)
        #expect(Set(TemplateNames.all.map { String($0.name.prefix { $0 != "." }) }) == Set(known))
    }
}
