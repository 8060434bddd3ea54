import RunnelKit

/// Lets a schema accept a template in the place of the value it describes.
enum TemplateAlternative {
    /// The names of the two kinds of template among a document's definitions.
    static let definitions: ValueObject = [
        "expression": [
            "description": "One expression, whose value keeps its type.", "type": "string",
            "pattern": #"^\{\{[\s\S]*\}\}$"#,
        ],
        "text": [
            "description": "A text with expressions in it.", "type": "string", "pattern": #"\{[{%]"#,
        ],
    ]

    /// What is said about a value rather than demanded of it; it stays on the outside, where editors look for it.
    private static let annotations = ["title", "description", "default", "examples"]

    static func added(to schema: ValueObject) -> ValueObject {
        guard !acceptsAnyText(schema) else { return schema }
        let template: Value = ["$ref": acceptsSomeText(schema) ? "#/definitions/text" : "#/definitions/expression"]
        var outer = ValueObject()
        var inner = schema
        for key in annotations {
            outer[key] = schema[key]
            inner[key] = nil
        }
        if inner.keys == ["anyOf"], let alternatives = inner["anyOf"]?.asList {
            outer["anyOf"] = .list(alternatives + [template])
        } else {
            outer["anyOf"] = [.object(inner), template]
        }
        return outer
    }

    /// Whether every string is right already.
    private static func acceptsAnyText(_ schema: ValueObject) -> Bool {
        let demands = schema.keys.filter { !annotations.contains($0) && !aboutOthers.contains($0) }
        switch demands {
        case []: return true
        case ["type"]: return types(schema)?.contains("string") ?? true
        case ["anyOf"]:
            return schema["anyOf"]?.asList?.contains { $0.asObject.map(acceptsAnyText) ?? ($0 == true) } ?? false
        default: return false
        }
    }

    /// Whether some strings are right, so that a text may become one of them.
    private static func acceptsSomeText(_ schema: ValueObject) -> Bool {
        if let types = types(schema) { return types.contains("string") }
        if let choices = schema["enum"]?.asList { return choices.contains { $0.asString != nil } }
        if let value = schema["const"] { return value.asString != nil }
        if let alternatives = schema["anyOf"]?.asList {
            return alternatives.contains { $0.asObject.map(acceptsSomeText) ?? ($0 == true) }
        }
        return schema["properties"] == nil && schema["items"] == nil
    }

    private static func types(_ schema: ValueObject) -> [Value]? {
        schema["type"].map { $0.asList ?? [$0] }
    }

    /// Keywords that demand nothing of a string.
    private static let aboutOthers = [
        "properties", "patternProperties", "additionalProperties", "required", "items", "contains", "propertyNames",
        "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "$defs", "definitions",
    ]
}
