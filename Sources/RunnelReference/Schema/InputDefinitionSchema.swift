import RunnelEngine
import RunnelKit

/// The definition of an entry of `inputs`, whose default has to be of its type.
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
        // Without a type it is a string.
        let condition: Value = kind == .string ? ["not": ["required": ["type"]]] : named
        return ["if": kind == .string ? ["anyOf": [named, condition]] : condition, "then": then]
    }
}
