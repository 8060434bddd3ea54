import RunnelKit

/// Rewrites a schema so that it can stand inside a larger document and be read by tools of draft-07 as well as of
/// 2020-12.
///
/// What the two drafts say alike is kept. `dependentRequired` becomes a condition; what has no common form (such as
/// `prefixItems` and `unevaluatedProperties`) is left out, so that the result refuses no value that the original
/// accepts.
struct PortableSchema {
    /// What may stand in the place of a value, beside what its schema says.
    enum Stand: Sendable {
        case nothing
        /// A string that is rendered before it is read.
        case template
    }

    /// Where the schema will be: `#/definitions/with.chat`.
    let location: String
    let stand: Stand

    /// The schema of an object whose keys' values may be stood in for, but not the object itself.
    func rewritten(_ schema: Value) -> Value {
        guard let object = schema.asObject else { return schema }
        return .object(keywords(of: object))
    }

    // MARK: - Keywords

    /// What means the same in both drafts, whatever its value holds.
    private static let kept: Set<String> = [
        "title", "description", "default", "examples", "format", "type", "enum", "const", "multipleOf", "minimum",
        "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties",
        "maxProperties",
    ]

    private func keywords(of schema: ValueObject) -> ValueObject {
        var result = ValueObject()
        var conditions: [Value] = []
        for (key, value) in schema {
            switch key {
            case _ where Self.kept.contains(key): result[key] = value
            case "exclusiveMinimum", "exclusiveMaximum": if value.asDouble != nil { result[key] = value }
            case "required": if value.asList != nil { result[key] = value }
            case "properties", "patternProperties", "$defs", "definitions":
                guard let members = value.asObject else { continue }
                result[key] = .object(ValueObject(members.map { ($0.key, place($0.value)) }))
            case "items": if value.asList == nil, schema["prefixItems"] == nil { result[key] = place(value) }
            case "additionalProperties", "contains": result[key] = place(value)
            case "propertyNames": result[key] = plain(value)
            case "not": conditions.append(["not": plain(value)])
            case "allOf": conditions += (value.asList ?? []).map(branch)
            case "anyOf": result[key] = .list((value.asList ?? []).map(branch))
            case "oneOf": conditions.append(choice(value.asList ?? []))
            case "if": if let condition = condition(schema) { conditions.append(condition) }
            case "dependentRequired", "dependencies": conditions += dependencies(value)
            case "$ref": conditions.append(reference(value))
            default: continue
            }
        }
        if !conditions.isEmpty { result["allOf"] = .list(conditions) }
        return result
    }

    /// A schema in a place where something may stand in for the value.
    private func place(_ schema: Value) -> Value {
        guard let object = schema.asObject else { return schema }
        let rewritten = keywords(of: object)
        return switch stand {
        case .nothing: .object(rewritten)
        case .template: .object(TemplateAlternative.added(to: rewritten))
        }
    }

    /// A schema beside others for the same value: what stands in for it is said once, around all of them.
    private func branch(_ schema: Value) -> Value {
        schema.asObject.map { .object(keywords(of: $0)) } ?? schema
    }

    /// A schema that is no description of the value: nothing may be added to it.
    private func plain(_ schema: Value) -> Value {
        PortableSchema(location: location, stand: .nothing).branch(schema)
    }

    /// With something standing in for a value, more than one of `oneOf` may hold, except where only keys are counted.
    private func choice(_ branches: [Value]) -> Value {
        let countsKeys = branches.allSatisfy { $0.asObject?.keys == ["required"] }
        return [countsKeys || stand == .nothing ? "oneOf" : "anyOf": .list(branches.map(branch))]
    }

    /// A condition holds for what stands in, or does not; only one that compares with constants is sure to tell.
    private func condition(_ schema: ValueObject) -> Value? {
        guard let test = schema["if"], let then = schema["then"], schema["else"] == nil,
            let tested = test["properties"]?.asObject,
            test.asObject?.keys.allSatisfy({ ["properties", "required"].contains($0) }) == true,
            tested.allSatisfy({ $0.value["const"] != nil || $0.value["enum"] != nil })
        else { return nil }
        return ["if": plain(test), "then": branch(then)]
    }

    private func dependencies(_ value: Value) -> [Value] {
        (value.asObject ?? ValueObject()).compactMap { key, others in
            others.asList.map { ["if": ["required": [.string(key)]], "then": ["required": .list($0)]] }
        }
    }

    /// A reference inside of the schema, led to where the schema is now; any other place is not known here.
    private func reference(_ value: Value) -> Value {
        guard let text = value.asString, text == "#" || text.hasPrefix("#/$defs/") || text.hasPrefix("#/definitions/"),
            text.split(separator: "/").count <= 3
        else { return true }
        return ["$ref": .string(location + text.dropFirst())]
    }
}
