public import RunnelKit

/// A text of a manifest, possibly by reference, so that no secret is written into `plugin.yaml`: a string, or `{ env:
/// NAME }`, or `{ secret: name }`.
public enum ManifestText: FieldValue, Hashable {
    case literal(String)
    /// A variable of the worker's environment.
    case variable(String)
    /// A secret of the project's configuration.
    case secret(String)

    public static var schema: Value {
        let reference = { (key: String) -> Value in
            [
                "type": "object", "properties": [key: ["type": "string"]], "required": [.string(key)],
                "additionalProperties": false,
            ]
        }
        return ["anyOf": [["type": ["string", "number", "boolean"]], reference("env"), reference("secret")]]
    }

    public init(field value: Value) throws(FieldError) {
        switch value {
        case .string(let text) where !text.utf8.contains(0): self = .literal(text)
        case .int, .double, .bool: self = .literal(value.text)
        default:
            if let object = value.asObject, object.count == 1 {
                if let name = object["env"]?.asString {
                    self = .variable(name)
                    return
                }
                if let name = object["secret"]?.asString {
                    self = .secret(name)
                    return
                }
            }
            throw FieldError("expected a text, { env: NAME } or { secret: name }, found \(value.kindName)")
        }
    }

    /// The resolved text.
    package func resolve(in host: ProcessHost) throws(FieldError) -> String {
        switch self {
        case .literal(let text): return text
        case .variable(let name):
            guard let text = host.variables[name] else {
                throw FieldError("the environment variable \(name) is not set", hint: "set it where Runnel is started")
            }
            // It is usually a token, and servers treat an empty token as none.
            guard !text.isEmpty else {
                throw FieldError("the environment variable \(name) is empty", hint: "set it where Runnel is started")
            }
            return text
        case .secret(let name):
            guard let text = host.secret(name) else {
                throw FieldError("there is no secret \"\(name)\"", hint: "add it under secrets: in runnel.yaml")
            }
            return text
        }
    }
}
