/// Turns a schema into one without references and alternatives at its top.
struct SchemaResolver {
    let root: JSONValue
    /// More steps than any sensible schema needs; a reference that leads to itself ends here.
    private static let mostSteps = 200

    /// Follows `$ref` within the document, merges `allOf`, and takes the first of `oneOf` and `anyOf`.
    func resolved(_ schema: JSONValue) -> JSONValue {
        var stepsLeft = Self.mostSteps
        return resolved(schema, stepsLeft: &stepsLeft)
    }

    /// Each part is resolved before it is merged, since two schemas under `allOf` may both be references.
    private func resolved(_ schema: JSONValue, stepsLeft: inout Int) -> JSONValue {
        guard var members = schema.members else { return schema }
        var parts: [JSONValue] = []
        for keyword in ["$ref", "allOf", "oneOf", "anyOf"] {
            guard let index = members.firstIndex(where: { $0.key == keyword }) else { continue }
            let value = members.remove(at: index).value
            switch keyword {
            case "$ref": parts += [value.string.flatMap(target(of:))].compactMap { $0 }
            case "allOf": parts += value.elements ?? []
            default: parts += value.elements?.prefix(1) ?? []
            }
        }
        var result = JSONValue.object(members)
        for part in parts where stepsLeft > 0 {
            stepsLeft -= 1
            result = SchemaMerge.merged(result, resolved(part, stepsLeft: &stepsLeft))
        }
        return result
    }

    /// What a reference inside the document points to (a JSON pointer as URI fragment, RFC 6901 section 6).
    private func target(of reference: String) -> JSONValue? {
        guard reference.hasPrefix("#") else { return nil }
        var value = root
        for token in reference.dropFirst().split(separator: "/") {
            let key = String(token).replacing("%25", with: "%").replacing("~1", with: "/").replacing("~0", with: "~")
            if let member = value[key] {
                value = member
            } else if let index = Int(key), let elements = value.elements, elements.indices.contains(index) {
                value = elements[index]
            } else {
                return nil
            }
        }
        return value
    }
}
