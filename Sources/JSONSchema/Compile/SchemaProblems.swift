public import RunnelKit

extension JSONSchema {
    /// All errors in a schema that somebody wrote, in the order of its keys: those that ``init(_:resources:assertFormats:)``
    /// throws, keywords that are misspelled, and properties in the place of keywords. At most 50.
    ///
    /// An unknown keyword is allowed in JSON schema and has no effect. One that is nearly a keyword, or that has a schema or
    /// the name of a type as its value, is an error here.
    public static func problems(in schema: Value) -> [SchemaError] {
        var problems: [SchemaError] = []
        var rest = misspelled(schema, at: [], into: &problems)
        var reported: Set<String> = []
        // The compiler stops at the first error: what causes it is replaced or removed, and it compiles the rest.
        while problems.count < 50 {
            do throws(SchemaError) {
                _ = try JSONSchema(rest)
                break
            } catch {
                var tokens = error.document == nil ? JSONPointer(error.pointer)?.tokens ?? [] : []
                if reported.insert(error.pointer).inserted {
                    problems.append(error)
                } else {
                    // The replacement is wrong there too, which is no error of the author.
                    tokens = tokens.dropLast()
                }
                // No single part makes a schema too large.
                guard error.code != .size, !tokens.isEmpty,
                    let less = rest.replacing(tokens[...], with: replacement(for: error, at: tokens))
                else { break }
                rest = less
            }
        }
        return problems.sorted { place(of: $0, in: schema).lexicographicallyPrecedes(place(of: $1, in: schema)) }
    }

    /// The keywords whose values are schemas, lists of them, or objects of them.
    private static let nested: (one: Set<String>, list: Set<String>, object: Set<String>) = (
        [
            "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
            "unevaluatedItems", "unevaluatedProperties", "additionalItems",
        ], ["allOf", "anyOf", "oneOf", "prefixItems", "items"],
        ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]
    )

    /// Keywords that mean something to people and editors only.
    private static let annotations = [
        "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
        "contentEncoding", "contentMediaType", "contentSchema", "$vocabulary",
    ]

    /// The schema without misspelled keywords and misplaced properties, which are reported.
    private static func misspelled(_ schema: Value, at path: [String], into problems: inout [SchemaError]) -> Value {
        guard let object = schema.asObject, path.count < SchemaCompiler.maxDepth else { return schema }
        let known = KeywordTable.entries.map(\.name) + annotations
        var kept = ValueObject()
        for (key, value) in object {
            let place = path + [key]
            if nested.object.contains(key), let members = value.asObject {
                kept[key] = .object(
                    ValueObject(members.map { ($0.key, misspelled($0.value, at: place + [$0.key], into: &problems)) }))
            } else if nested.list.contains(key), let items = value.asList {
                kept[key] = .list(
                    items.enumerated().map { misspelled($0.element, at: place + ["\($0.offset)"], into: &problems) })
            } else if nested.one.contains(key) {
                kept[key] = misspelled(value, at: place, into: &problems)
            } else if !known.contains(key), let hint = hint(forUnknown: key, value, among: known) {
                problems.append(
                    SchemaError(
                        code: .keyword, pointer: JSONPointer(tokens: place).text,
                        message: "unknown keyword \(Wording.quoted(key))", hint: hint))
            } else {
                kept[key] = value
            }
        }
        return .object(kept)
    }

    /// What to write instead of an unknown keyword; nil for one that may be an extension.
    private static func hint(forUnknown key: String, _ value: Value, among known: [String]) -> String? {
        if let hint = Suggestion.hint(for: key, among: known) { return hint }
        let isProperty =
            value.asString.map { ValueKind(rawValue: $0) != nil }
            ?? (value["type"] != nil || value["enum"] != nil || value["properties"] != nil)
        guard isProperty, !key.hasPrefix("x-") else { return nil }
        return "a property is written as `properties: { \(key): { type: … } }`"
    }

    /// What takes the place of the cause of an error: `true` for a schema, so that references to it still have a
    /// target; nil where nothing has to stand.
    private static func replacement(for error: SchemaError, at tokens: [String]) -> Value? {
        // The key is wrong.
        if error.code == .pattern { return nil }
        if error.code == .loop { return true }
        var shape = KeywordShape.schema
        for token in tokens {
            switch shape {
            case .list, .map, .looseMap: shape = .schema
            case .schemaOrList where Int(token) != nil: shape = .schema
            case .schema, .schemaOrList: shape = KeywordTable.entries.first { $0.name == token }?.shape ?? .none
            case .none: break
            }
        }
        return shape == .schema ? true : nil
    }

    private static func place(of problem: SchemaError, in schema: Value) -> [Int] {
        var place: [Int] = []
        var value = schema as Value?
        for token in JSONPointer(problem.pointer)?.tokens ?? [] {
            if let index = value?.asObject?.keys.firstIndex(of: token) {
                place.append(index)
                value = value?[token]
            } else if let index = Int(token) {
                place.append(index)
                value = value?[index]
            }
        }
        return place
    }
}

extension Value {
    /// The value with another in the place that the tokens lead to, or without it; nil if there is no such place.
    fileprivate func replacing(_ tokens: ArraySlice<String>, with other: Value?) -> Value? {
        guard let token = tokens.first else { return nil }
        let isLast = tokens.count == 1
        if var object = asObject, let member = object[token] {
            let inner = isLast ? other : member.replacing(tokens.dropFirst(), with: other)
            guard isLast || inner != nil else { return nil }
            object[token] = inner
            return .object(object)
        }
        if var items = asList, let index = Int(token), items.indices.contains(index) {
            // Lists hold schemas, or texts: `type`, `required` and `dependentRequired` all allow this one.
            guard let inner = isLast ? other ?? "string" : items[index].replacing(tokens.dropFirst(), with: other)
            else { return nil }
            items[index] = inner
            return .list(items)
        }
        return nil
    }
}
