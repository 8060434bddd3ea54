internal import RunnelValue

/// Turns a schema into one without references and alternatives at its top.
struct SchemaResolver {
    let root: Value
    /// More steps than any sensible schema needs; a reference that leads to itself ends here.
    private static let mostSteps = 200

    /// Follows `$ref` within the document, merges `allOf`, and takes the first of `oneOf` and `anyOf`.
    func resolved(_ schema: Value) -> Value {
        var stepsLeft = Self.mostSteps
        return resolved(schema, stepsLeft: &stepsLeft)
    }

    /// Each part is resolved before it is merged, since two schemas under `allOf` may both be references.
    private func resolved(_ schema: Value, stepsLeft: inout Int) -> Value {
        guard var members = schema.asObject else { return schema }
        var parts: [Value] = []
        for keyword in ["$ref", "allOf", "oneOf", "anyOf"] {
            guard let value = members[keyword] else { continue }
            members[keyword] = nil
            switch keyword {
            case "$ref": parts += [value.asString.flatMap(target(of:))].compactMap { $0 }
            case "allOf": parts += value.asList ?? []
            default: parts += value.asList?.prefix(1) ?? []
            }
        }
        var result = Value.object(members)
        for part in parts where stepsLeft > 0 {
            stepsLeft -= 1
            result = SchemaMerge.merged(result, resolved(part, stepsLeft: &stepsLeft))
        }
        return result
    }

    /// What a reference inside the document points to (a JSON pointer as URI fragment, RFC 6901 section 6).
    private func target(of reference: String) -> Value? {
        guard reference.hasPrefix("#") else { return nil }
        return JSONPointer(reference.dropFirst().replacing("%25", with: "%"))?.value(in: root)
    }
}
