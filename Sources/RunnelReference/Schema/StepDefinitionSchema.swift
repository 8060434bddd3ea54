import JSONSchema
import RunnelKit

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

    /// A group, or a step that does something itself.
    private var kinds: Value {
        [
            "if": ["required": ["steps"]],
            "then": ["properties": ["uses": false, "with": false, "retry": false]],
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

    /// What `with` is for one kind of step.
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
