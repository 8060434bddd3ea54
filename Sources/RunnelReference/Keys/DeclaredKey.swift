import RunnelKit

/// A key of a pipeline file, as the schema and the reference show it.
struct DeclaredKey: Sendable {
    let name: String
    /// What it is for, in a sentence or two of Markdown.
    let help: String
    /// Its kind, in words for a table.
    let kind: String
    /// Of its value.
    let schema: Value
    /// Of what holds when it is left out, in words; empty where that is plain.
    let absent: String
    let isRequired: Bool
    /// Whether a null may stand there: an empty section, or the word `null`.
    let mayBeEmpty: Bool

    init(
        _ name: String, _ kind: String, _ help: String, schema: Value, absent: String = "", isRequired: Bool = false,
        mayBeEmpty: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.schema = schema
        self.absent = absent
        self.isRequired = isRequired
        self.mayBeEmpty = mayBeEmpty
    }

    /// The schema with the help beside it.
    var documentedSchema: Value {
        guard var object = schema.asObject else { return schema }
        if let types = object["type"] {
            if mayBeEmpty { object["type"] = .list((types.asList ?? [types]) + ["null"]) }
        } else if object["$ref"] != nil {
            // What stands beside a reference is not read in draft-07.
            object = ["anyOf": mayBeEmpty ? [schema, ["type": "null"]] : [schema]]
        }
        object["description"] = .string(help)
        return .object(object)
    }
}

extension [DeclaredKey] {
    /// The members of `properties`.
    var properties: ValueObject { ValueObject(map { ($0.name, $0.documentedSchema) }) }
}
