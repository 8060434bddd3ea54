import RunnelKit

/// Lets a schema accept null, where a key without a value counts as left out.
enum NullAlternative {
    static func added(to schema: ValueObject) -> ValueObject {
        var result = schema
        if let types = schema["type"] {
            let list = types.asList ?? [types]
            guard !list.contains("null") else { return schema }
            result["type"] = .list(list + ["null"])
            if let choices = schema["enum"]?.asList { result["enum"] = .list(choices + [.null]) }
        } else if let choices = schema["enum"]?.asList {
            result["enum"] = .list(choices + [.null])
        } else if let alternatives = schema["anyOf"]?.asList {
            result["anyOf"] = .list(alternatives + [["type": "null"]])
        } else if let target = schema["$ref"] {
            result["$ref"] = nil
            result["anyOf"] = [["$ref": target], ["type": "null"]]
        }
        return result
    }
}
