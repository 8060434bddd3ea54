import JSONSchema
import RunnelKit

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
            definitions[key] = PortableSchema(location: DefinitionReference.text(key), stand: .template)
                .rewritten(trigger.schema)
            let reference: Value = ["$ref": .string(DefinitionReference.text(key))]
            let mayBeEmpty = (try? JSONSchema(trigger.schema))?.validate([:]).isEmpty ?? true
            let entry: Value = mayBeEmpty ? ["anyOf": [reference, ["type": "null"]]] : reference
            properties[name] = [
                "description": .string(trigger.summary),
                "anyOf": .list(
                    [reference, ["type": "array", "items": entry]] + (mayBeEmpty ? [["type": "null"]] : [])),
            ]
        }
        properties["manual"] = ["description": "Says what is always possible: a person starts the run."]
        definitions["on"] = ["type": "object", "properties": .object(properties), "additionalProperties": false]
        return definitions
    }
}
