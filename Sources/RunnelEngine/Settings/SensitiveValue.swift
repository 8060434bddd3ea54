public import RunnelKit

/// A value that must not stand in a file everyone can read: named by where it comes from.
///
/// It is resolved by ``SettingsLoader`` and never printed.
public enum SensitiveValue: Sendable, Hashable, FieldValue {
    case environment(String)
    /// Relative to the folder of `runnel.yaml`.
    case file(String)
    /// Written out; accepted with a warning.
    case literal(String)

    public static var schema: Value {
        [
            "anyOf": [
                ["type": "string"],
                [
                    "type": "object", "properties": ["env": ["type": "string"]], "required": ["env"],
                    "additionalProperties": false,
                ],
                [
                    "type": "object", "properties": ["file": ["type": "string"]], "required": ["file"],
                    "additionalProperties": false,
                ],
            ]
        ]
    }

    public init(field value: Value) throws(FieldError) {
        if let text = value.asString {
            self = .literal(text)
        } else if let object = value.asObject, object.count == 1, let name = object["env"]?.asString {
            self = .environment(name)
        } else if let object = value.asObject, object.count == 1, let path = object["file"]?.asString {
            self = .file(path)
        } else {
            // The value itself stays out of the message: it may be the secret.
            throw FieldError("expected `{ env: NAME }` or `{ file: path }`, found \(value.kindName)")
        }
    }
}
