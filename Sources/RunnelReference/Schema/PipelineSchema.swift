import JSONSchema
import RunnelEngine
public import RunnelKit

/// The JSON Schemas of pipeline and configuration files, for editors and other tools.
///
/// They use draft-07, which editors' YAML support handles best, and only keywords with the same meaning in draft
/// 2020-12. They describe the structure of a file; references between steps, jq programs and the like are checked by
/// `runnel validate`.
///
/// Files that Runnel accepts are valid, with one exception: a step's `name`, which is otherwise unused, must be a
/// string.
public enum PipelineSchema {
    /// The comment at the top of a file that tells editors its schema.
    /// - Parameter path: The path of the schema, relative to the file.
    public static func editorLine(path: String) -> String { "# yaml-language-server: $schema=\(path)" }

    /// The schema of a pipeline file with the steps and triggers in `registry`.
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
            "description": "A Runnel pipeline: its triggers and steps.", "type": "object",
            "properties": .object(PipelineKeys.pipeline.properties), "required": ["steps"],
            // Places for YAML anchors.
            "patternProperties": ["^x-": true], "additionalProperties": false, "definitions": .object(definitions),
        ]
    }

    /// Of `runnel.yaml`, with the sections of the plugins in `registry`.
    public static func settings(_ registry: StepRegistry) -> Value {
        let bare = SettingList.schema(registry.plugins)
        var schema = PortableSchema(location: "#", stand: .nothing).rewritten(bare).asObject ?? ValueObject()
        for setting in SettingList.all(registry.plugins) {
            guard let variable = setting.variable else { continue }
            schema = SettingList.noting(variable, at: setting.path[...], in: schema)
        }
        schema["type"] = ["object", "null"]
        // A section may be empty, for example if all its keys are commented out.
        schema["properties"] = (schema["properties"]?.asObject).map { properties in
            .object(ValueObject(properties.map { ($0.key, nullable($0.value)) }))
        }
        let head: ValueObject = [
            "$schema": .string(dialect), "title": "Runnel configuration",
            "description": "The configuration of a Runnel project: `runnel.yaml`.",
        ]
        return .object(ValueObject(head.map { ($0.key, $0.value) } + schema.map { ($0.key, $0.value) }))
    }

    /// Of a file that is described by field declarations, such as a plugin's manifest.
    public static func file(title: String, description: String, _ schema: Value) -> Value {
        let head: ValueObject = [
            "$schema": .string(dialect), "title": .string(title), "description": .string(description),
        ]
        let body = PortableSchema(location: "#", stand: .nothing).rewritten(schema).asObject ?? ValueObject()
        return .object(ValueObject(head.map { ($0.key, $0.value) } + body.map { ($0.key, $0.value) }))
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

/// The definition of a step: an entry of `steps`, whose `with` depends on its `uses`.
struct StepDefinitionSchema {
    let registry: StepRegistry

    /// The members of `definitions`: `step`, and `with.NAME` for each registered step.
    var definitions: ValueObject {
        var definitions = ValueObject()
        for name in registry.names {
            guard let step = registry[name] else { continue }
            let key = "with.\(name)"
            var schema = PortableSchema(location: DefinitionReference.text(key), stand: .template)
                .rewritten(step.schema)
            if var object = schema.asObject {
                object["description"] = object["description"] ?? .string(step.summary)
                schema = .object(object)
            }
            definitions[key] = schema
        }
        definitions["step"] = [
            "type": "object", "properties": .object(PipelineKeys.step(registry).properties),
            "additionalProperties": false, "allOf": .list([kinds, parallelism] + registry.names.compactMap(with)),
        ]
        return definitions
    }

    /// A group, or a step with `uses`.
    private var kinds: Value {
        [
            "if": ["required": ["steps"]],
            "then": ["properties": ["uses": false, "with": false, "retry": false, "until": false, "while": false]],
            "else": ["required": ["uses"], "properties": ["parallel": false]],
        ]
    }

    private var parallelism: Value {
        [
            "if": ["required": ["max_parallel"]],
            "then": [
                "anyOf": [
                    ["required": ["for_each"]],
                    ["required": ["parallel"], "properties": ["parallel": ["const": true]]],
                ]
            ],
        ]
    }

    /// The schema of `with` for a step type.
    private func with(_ name: String) -> Value? {
        guard let step = registry[name] else { return nil }
        let reference: Value = ["$ref": .string(DefinitionReference.text("with.\(name)"))]
        let mayBeLeftOut = (try? JSONSchema(step.schema))?.validate([:]).isEmpty ?? true
        let then: Value =
            mayBeLeftOut
            ? ["properties": ["with": ["anyOf": [reference, ["type": "null"]]]]]
            : ["required": ["with"], "properties": ["with": reference]]
        return ["if": ["properties": ["uses": ["const": .string(name)]], "required": ["uses"]], "then": then]
    }
}

/// The definition of `on`: a key for each registered trigger.
struct TriggerDefinitionSchema {
    let registry: StepRegistry

    /// The members of `definitions`: `on`, and `trigger.NAME` for each registered trigger.
    var definitions: ValueObject {
        var definitions = ValueObject()
        var properties = ValueObject()
        for name in registry.triggerNames {
            guard let trigger = registry.trigger(named: name) else { continue }
            let key = "trigger.\(name)"
            var schema =
                PortableSchema(location: DefinitionReference.text(key), stand: .template)
                .rewritten(Self.withID(trigger.schema)).asObject ?? [:]
            var keys = schema["properties"]?.asObject ?? [:]
            for (key, value) in PipelineKeys.trigger.properties { keys[key] = value }
            schema["properties"] = .object(keys)
            definitions[key] = .object(schema)
            let reference: Value = ["$ref": .string(DefinitionReference.text(key))]
            let mayBeEmpty = (try? JSONSchema(trigger.schema))?.validate([:]).isEmpty ?? true
            let entry: Value = mayBeEmpty ? ["anyOf": [reference, ["type": "null"]]] : reference
            let short: [Value] =
                trigger.shorthand.flatMap { schema["properties"]?[$0] }.map { [$0, ["type": "string"]] } ?? []
            let list: Value = ["type": "array", "items": entry, "minItems": 1]
            properties[name] = [
                "description": .string(trigger.summary),
                "anyOf": .list(short + [reference, list] + (mayBeEmpty ? [["type": "null"]] : [])),
            ]
        }
        definitions["debounce"] = [
            "type": "object", "properties": .object(PipelineKeys.debounce.properties), "required": ["for"],
            "additionalProperties": false,
        ]
        properties["manual"] = [
            "description": "Allows manual runs, which are always possible.", "enum": [.null, [:], true],
        ]
        definitions["on"] = ["type": "object", "properties": .object(properties), "additionalProperties": false]
        return definitions
    }

    /// The schema of an entry with `id`, which the engine takes out before a trigger sees it.
    private static func withID(_ schema: Value) -> Value {
        var object = schema.asObject ?? [:]
        var properties = object["properties"]?.asObject ?? [:]
        properties["id"] = [
            "type": "string", "minLength": 1,
            "description": "Recognises the trigger when its other keys or its place in a list change.",
        ]
        object["properties"] = .object(properties)
        return .object(object)
    }
}

/// The definition of an entry of `inputs`, whose default must match its type.
enum InputDefinitionSchema {
    static var schema: Value {
        [
            "type": "object", "properties": .object(PipelineKeys.input.properties), "additionalProperties": false,
            "allOf": .list(InputDeclaration.Kind.allCases.map(typedDefault)),
        ]
    }

    private static func typedDefault(_ kind: InputDeclaration.Kind) -> Value {
        let type: Value =
            switch kind {
            case .string: "string"
            case .number: "number"
            case .integer: "integer"
            case .boolean: "boolean"
            case .list: "array"
            case .object: "object"
            }
        let mayBeNull: Value = [
            "properties": ["required": ["const": false], "default": ["type": [type, "null"]]], "required": ["required"],
        ]
        let then: Value = ["anyOf": [["properties": ["default": ["type": type]]], mayBeNull]]
        let named: Value = ["properties": ["type": ["const": .string(kind.rawValue)]], "required": ["type"]]
        // The default type is string.
        let condition: Value = kind == .string ? ["not": ["required": ["type"]]] : named
        return ["if": kind == .string ? ["anyOf": [named, condition]] : condition, "then": then]
    }
}

/// The `$ref` of a member of `definitions`: a JSON pointer (RFC 6901) in a URI's fragment (RFC 3986, section 3.5).
enum DefinitionReference {
    static func text(_ key: String) -> String { "#/definitions/" + key.utf8.map(escaped).joined() }

    private static func escaped(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "~"): return "~0"
        case UInt8(ascii: "/"): return "~1"
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            return String(UnicodeScalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }
    }
}
