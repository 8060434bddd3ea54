internal import RunnelValue

/// Makes a JSON value that fits a JSON schema (draft 2020-12, the common keywords) from a prompt: the same pair gives
/// the same value, and an enumeration yields the value that the prompt speaks of.
struct SchemaSampler {
    private let root: Value
    private let resolver: SchemaResolver
    private let words: WordChoice
    private let strings: StringSampler
    private let promptHash: String
    /// What is left of the allowance of values; a schema can ask for more than anybody wants to see.
    private var allowance = 5_000

    private static let deepest = 16
    /// Below this depth optional properties are left out, so that a recursive schema ends.
    private static let deepestOptional = 4

    /// - Parameters:
    ///   - schema: A JSON schema: an object or a boolean.
    ///   - prompt: The user's message.
    init(schema: Value, prompt: String) {
        let prompt = FaultDirective.removed(from: prompt)
        root = schema
        resolver = SchemaResolver(root: schema)
        words = WordChoice(in: prompt)
        strings = StringSampler(outline: TextOutline(of: prompt))
        promptHash = StableHash.hexadecimal(StableHash(prompt).value)
    }

    /// A value that fits, or null where nothing can.
    mutating func sample() -> Value { value(for: root, path: [], depth: 0) }

    /// Whether a schema demands an object: it says so, or has properties and no other type.
    static func isObject(_ schema: Value) -> Bool { kind(of: schema) == "object" }

    private mutating func value(for schema: Value, path: [String], depth: Int) -> Value {
        allowance -= 1
        let schema = resolver.resolved(schema)
        if let constant = schema["const"] { return constant }
        if let choices = schema["enum"]?.asList { return choice(of: choices, path: path) }
        guard depth <= Self.deepest, allowance > 0, schema != .bool(false) else { return .null }
        let hash = hash(path)
        switch Self.kind(of: schema) {
        case "object": return object(for: schema, path: path, depth: depth)
        case "array": return array(for: schema, path: path, depth: depth)
        case "integer": return NumberSampler.integer(for: schema, hash: hash)
        case "number": return NumberSampler.number(for: schema, hash: hash)
        case "boolean": return .bool(path.last.map(words.names) == true || hash.index(below: 2) == 0)
        case "null": return .null
        default: return .string(strings.string(for: schema, name: path.last ?? "", hash: hash))
        }
    }

    private mutating func object(for schema: Value, path: [String], depth: Int) -> Value {
        let required = (schema["required"]?.asList ?? []).compactMap(\.asString)
        let properties = schema["properties"]?.asObject ?? [:]
        var members = ValueObject()
        for property in properties {
            let isRequired = required.contains(property.key)
            if !isRequired, depth >= Self.deepestOptional || property.value == .bool(false) { continue }
            let value = value(for: property.value, path: path + [property.key], depth: depth + 1)
            members[property.key] = value
        }
        let additional = schema["additionalProperties"] ?? .bool(true)
        for name in required where members[name] == nil {
            let value = value(for: additional, path: path + [name], depth: depth + 1)
            members[name] = value
        }
        let fewest = min(schema["minProperties"]?.count ?? 0, 100)
        while members.count < fewest, additional != .bool(false), allowance > 0 {
            let name = "key\(members.count + 1)"
            let value = value(for: additional, path: path + [name], depth: depth + 1)
            members[name] = value
        }
        return .object(members)
    }

    private mutating func array(for schema: Value, path: [String], depth: Int) -> Value {
        let fewest = schema["minItems"]?.count ?? 0
        let most = schema["maxItems"]?.count ?? .max
        let prefix = schema["prefixItems"]?.asList ?? []
        let wanted = depth >= Self.deepestOptional ? fewest : max(fewest, min(most, max(2, prefix.count)))
        let isUnique = schema["uniqueItems"] == .bool(true)
        let items = schema["items"] ?? (prefix.isEmpty ? .bool(true) : .bool(false))
        var elements: [Value] = []
        var attempt = 0
        while elements.count < wanted, attempt < wanted + 20, allowance > 0 {
            let itemSchema = elements.count < prefix.count ? prefix[elements.count] : items
            if itemSchema == .bool(false) { break }
            var element = value(for: itemSchema, path: path + [String(attempt)], depth: depth + 1)
            if isUnique, elements.contains(element), let other = unused(of: itemSchema, besides: elements) {
                element = other
            }
            attempt += 1
            if isUnique, elements.contains(element) { continue }
            elements.append(element)
        }
        return .list(elements)
    }

    /// A value of the items' enumeration that is not there yet.
    private func unused(of schema: Value, besides elements: [Value]) -> Value? {
        resolver.resolved(schema)["enum"]?.asList?.first { !elements.contains($0) }
    }

    private func choice(of choices: [Value], path: [String]) -> Value {
        guard !choices.isEmpty else { return .null }
        let index = words.mostNamed(of: choices.map { $0.asString ?? "" })
        return choices[index ?? hash(path).index(below: choices.count)]
    }

    private func hash(_ path: [String]) -> StableHash { StableHash([promptHash] + path) }

    /// The first type that is not null, or the one that the other keywords speak of.
    private static func kind(of schema: Value) -> String {
        switch schema["type"] {
        case .string(let type): return type
        case .list(let types):
            let names = types.compactMap(\.asString)
            if let name = names.first(where: { $0 != "null" }) ?? names.first { return name }
        default: break
        }
        let keys = Set(schema.asObject?.keys ?? [])
        if !keys.isDisjoint(with: ["properties", "required", "additionalProperties", "minProperties"]) {
            return "object"
        }
        if !keys.isDisjoint(with: ["items", "prefixItems", "minItems", "maxItems"]) { return "array" }
        let numeric = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
        return keys.isDisjoint(with: numeric) ? "string" : "number"
    }
}

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

/// Merges JSON schemas that hold at the same time, as under `allOf`.
enum SchemaMerge {
    static func merged(_ leftSchema: Value, _ rightSchema: Value) -> Value {
        guard let left = leftSchema.asObject, let right = rightSchema.asObject else {
            // `true` allows everything, so the other one decides; `false` allows nothing and stays.
            let (left, right) = (leftSchema, rightSchema)
            return left == .bool(true) ? right : left == .bool(false) ? left : right == .bool(true) ? left : right
        }
        return .object(left.merging(right, combined))
    }

    /// The value of a keyword that both schemas have.
    private static func combined(_ keyword: String, _ left: Value, _ right: Value) -> Value {
        switch keyword {
        case "properties", "$defs", "definitions":
            let (left, right) = (left.asObject ?? [:], right.asObject ?? [:])
            return .object(left.merging(right) { merged($1, $2) })
        case "required":
            let names = left.asList ?? []
            return .list(names + (right.asList ?? []).filter { !names.contains($0) })
        case "enum":
            return .list((left.asList ?? []).filter { right.asList?.contains($0) ?? true })
        case "allOf":
            return .list((left.asList ?? []) + (right.asList ?? []))
        case "items":
            return merged(left, right)
        case "minimum", "exclusiveMinimum", "minItems", "minLength":
            return (left.asDouble ?? -.infinity) >= (right.asDouble ?? -.infinity) ? left : right
        case "maximum", "exclusiveMaximum", "maxItems", "maxLength":
            return (left.asDouble ?? .infinity) <= (right.asDouble ?? .infinity) ? left : right
        default:
            return right
        }
    }
}

extension ValueObject {
    /// Both objects' members; `combine` makes one value of the two of a key that both have.
    fileprivate func merging(_ other: ValueObject, _ combine: (String, Value, Value) -> Value) -> ValueObject {
        var result = self
        for (key, value) in other { result[key] = result[key].map { combine(key, $0, value) } ?? value }
        return result
    }
}

/// Spoils a JSON value so that it no longer fits its schema.
enum SchemaMismatch {
    /// The sample without its first required property, or else a value of another type.
    static func value(from sample: Value, schema: Value) -> Value {
        let resolved = SchemaResolver(root: schema).resolved(schema)
        if let members = sample.asObject, let name = resolved["required"]?.asList?.first?.asString {
            return .object(members.removing(name))
        }
        return sample.asString == nil ? "Simulated: does not fit the schema" : 0
    }
}
