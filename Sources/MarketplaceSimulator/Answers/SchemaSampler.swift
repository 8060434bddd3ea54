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
