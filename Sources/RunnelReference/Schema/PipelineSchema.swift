import RunnelEngine
public import RunnelKit

/// The JSON Schemas of the files that people write, for editors and for checks outside of Runnel.
///
/// They name draft-07 as their dialect, because that is what editors' YAML support reads without reservation, and use
/// only keywords that mean the same in draft 2020-12. A schema says what can be said about a file's shape: references
/// between steps, jq programs and the like are found by `runnel validate`.
///
/// A file that Runnel accepts is never refused. In one point a schema is stricter: a step's `name`, which nothing
/// reads, has to be a string.
public enum PipelineSchema {
    /// Stands at the top of a file as a comment, so that editors know what to check it with.
    /// - Parameter path: Where the schema is, relative to the file.
    public static func editorLine(path: String) -> String { "# yaml-language-server: $schema=\(path)" }

    /// Of a pipeline file that can use everything in `registry`.
    public static func pipeline(_ registry: StepRegistry) -> Value {
        var definitions = TriggerDefinitionSchema(registry: registry).definitions
        for (key, value) in StepDefinitionSchema(registry: registry).definitions { definitions[key] = value }
        for (key, value) in TemplateAlternative.definitions { definitions[key] = value }
        definitions["input"] = InputDefinitionSchema.schema
        for (name, schema) in [("retry", RetryDeclaration.schema), ("concurrency", ConcurrencyDeclaration.schema)] {
            definitions[name] = PortableSchema(location: "#/definitions/\(name)", stand: .nothing).rewritten(schema)
        }
        return [
            "$schema": .string(dialect), "title": "Runnel pipeline",
            "description": "A pipeline for Runnel: what starts it, and the steps it goes through.", "type": "object",
            "properties": .object(PipelineKeys.pipeline.properties), "required": ["steps"],
            "additionalProperties": false, "definitions": .object(definitions),
        ]
    }

    /// Of `runnel.yaml`.
    public static func settings() -> Value {
        var schema = PortableSchema(location: "#", stand: .nothing).rewritten(Settings.schema).asObject ?? ValueObject()
        for setting in SettingList.all {
            guard let variable = setting.variable else { continue }
            schema = SettingList.noting(variable, at: setting.path[...], in: schema)
        }
        schema["type"] = ["object", "null"]
        // A section may be left empty, as when all its keys are commented out.
        schema["properties"] = (schema["properties"]?.asObject).map { properties in
            .object(ValueObject(properties.map { ($0.key, nullable($0.value)) }))
        }
        let head: ValueObject = [
            "$schema": .string(dialect), "title": "Runnel configuration",
            "description": "The configuration of a project of Runnel: `runnel.yaml`.",
        ]
        return .object(ValueObject(head.map { ($0.key, $0.value) } + schema.map { ($0.key, $0.value) }))
    }

    private static let dialect = "http://json-schema.org/draft-07/schema#"

    private static func nullable(_ schema: Value) -> Value {
        guard var object = schema.asObject else { return schema }
        switch object["type"] {
        case .string(let type)?: object["type"] = [.string(type), "null"]
        default: return ["anyOf": [schema, ["type": "null"]]]
        }
        return .object(object)
    }
}
