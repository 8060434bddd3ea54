import RunnelKit

/// Rewrites a schema for embedding in a larger document, valid in draft-07 as well as in 2020-12.
///
/// Keywords common to both drafts are kept. `dependentRequired` becomes a condition; keywords without a common form
/// (such as `prefixItems` and `unevaluatedProperties`) are dropped, so the result accepts every value that the original
/// accepts.
struct PortableSchema {
    /// What may replace a value in addition to its schema.
    enum Stand: Sendable {
        case nothing
        /// A template string, rendered before validation.
        case template
    }

    /// The location of the rewritten schema: `#/definitions/with.chat`.
    let location: String
    let stand: Stand

    /// Rewrites the schema of an object whose values may be replaced by templates, but not the object itself.
    func rewritten(_ schema: Value) -> Value {
        guard let object = schema.asObject else { return schema }
        return .object(keywords(of: object))
    }

    // MARK: - Keywords

    /// Keywords with the same meaning in both drafts.
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

    /// A subschema whose value may be replaced.
    private func place(_ schema: Value) -> Value {
        guard let object = schema.asObject else { return schema }
        let rewritten = keywords(of: object)
        return switch stand {
        case .nothing: .object(rewritten)
        case .template: .object(TemplateAlternative.added(to: rewritten))
        }
    }

    /// One of several schemas for the same value: the replacement is added once, around all of them.
    private func branch(_ schema: Value) -> Value {
        schema.asObject.map { .object(keywords(of: $0)) } ?? schema
    }

    /// A schema that does not describe the value itself: no replacement is added.
    private func plain(_ schema: Value) -> Value {
        PortableSchema(location: location, stand: .nothing).branch(schema)
    }

    /// With replacements more than one of `oneOf` may match, except if it only counts keys.
    private func choice(_ branches: [Value]) -> Value {
        let countsKeys = branches.allSatisfy { $0.asObject?.keys == ["required"] }
        return [countsKeys || stand == .nothing ? "oneOf" : "anyOf": .list(branches.map(branch))]
    }

    /// A template may satisfy a condition by accident; only comparisons with constants are safe.
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

    /// A reference inside the schema, adjusted to its new location; nil for other targets.
    private func reference(_ value: Value) -> Value {
        guard let text = value.asString, text == "#" || text.hasPrefix("#/$defs/") || text.hasPrefix("#/definitions/"),
            text.split(separator: "/").count <= 3
        else { return true }
        return ["$ref": .string(location + text.dropFirst())]
    }
}

/// Extends a schema to accept a template instead of the value.
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

    /// Annotations, which stay on the outside, where editors look for them.
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

    /// Whether all strings are valid.
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

    /// Whether some strings are valid, so that a template may render to one.
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

    /// Keywords that do not constrain strings.
    private static let aboutOthers = [
        "properties", "patternProperties", "additionalProperties", "required", "items", "contains", "propertyNames",
        "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "$defs", "definitions",
    ]
}
