/// Writes the schema of a step's output; see ``Step/outputSchema``.
public enum OutputSchema {
    /// An object with these keys and no others.
    /// - Parameter keys: Each with the JSON schema (2020-12) of its value; `true` stands for any value.
    public static func object(_ keys: KeyValuePairs<String, Value>) -> Value {
        [
            "type": "object", "properties": .object(ValueObject(keys.map { ($0.key, $0.value) })),
            "additionalProperties": false,
        ]
    }

    /// What can be said of a path into an output before a run.
    package enum Finding: Sendable, Hashable {
        /// The path leads to a value, or this cannot be decided.
        case possible
        /// There is no such key at this index of the path.
        case unknownKey(at: Int, known: [String])
        /// The value before this index is of a kind that has no keys, such as "a string".
        case noKeys(at: Int, kind: String)
    }

    /// Follows a path of keys and indices into what the schema describes.
    package static func find(_ path: some Collection<FieldError.PathElement>, in schema: Value) -> Finding {
        find(Array(path)[...], in: schema, at: 0)
    }

    private static func find(_ path: ArraySlice<FieldError.PathElement>, in schema: Value, at index: Int) -> Finding {
        guard let element = path.first, let object = schema.asObject else { return .possible }
        for keyword in ["anyOf", "oneOf"] {
            guard let alternatives = object[keyword]?.asList else { continue }
            // An index does not lead into an object.
            let fitting = alternatives.filter { if case .index = element { $0["type"] != "object" } else { true } }
            let findings = (fitting.isEmpty ? alternatives : fitting).map { find(path, in: $0, at: index) }
            if findings.contains(.possible) { return .possible }
            return merged(findings) ?? .possible
        }
        guard object["$ref"] == nil, object["allOf"] == nil else { return .possible }
        switch (element, object["type"]) {
        case (.key(let key), "object"?):
            let members = object["properties"]?.asObject ?? [:]
            if let member = members[key] { return find(path.dropFirst(), in: member, at: index + 1) }
            return object["additionalProperties"] == false ? .unknownKey(at: index, known: members.keys) : .possible
        case (.key, .string(let type)?):
            return kinds[type].map { .noKeys(at: index, kind: $0) } ?? .possible
        case (.index, "array"?):
            guard let items = object["items"] else { return .possible }
            return find(path.dropFirst(), in: items, at: index + 1)
        default: return .possible
        }
    }

    /// One finding for several alternatives, none of which has the path: the one that names keys.
    private static func merged(_ findings: [Finding]) -> Finding? {
        var known: [String] = []
        var place: Int?
        for case .unknownKey(let index, let keys) in findings where index >= place ?? index {
            if index > place ?? index { known = [] }
            place = index
            known += keys.filter { !known.contains($0) }
        }
        return place.map { .unknownKey(at: $0, known: known) } ?? findings.first
    }

    private static let kinds = [
        "string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false",
        "array": "a list",
    ]
}
