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
        // The compiler stops at the first error: what causes it is taken out, and it compiles the rest.
        while problems.count < 50 {
            do throws(SchemaError) {
                _ = try JSONSchema(rest)
                break
            } catch {
                problems.append(error)
                let tokens = error.document == nil ? JSONPointer(error.pointer)?.tokens ?? [] : []
                guard !tokens.isEmpty, let less = rest.removing(tokens[...]) else { break }
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
    /// The value without the member that the tokens lead to; nil where there is none.
    fileprivate func removing(_ tokens: ArraySlice<String>) -> Value? {
        guard let token = tokens.first else { return nil }
        if var object = asObject, let member = object[token] {
            if tokens.count == 1 { return .object(object.removing(token)) }
            guard let less = member.removing(tokens.dropFirst()) else { return nil }
            object[token] = less
            return .object(object)
        }
        if var items = asList, let index = Int(token), items.indices.contains(index) {
            if tokens.count == 1 {
                items[index] = true
            } else {
                guard let less = items[index].removing(tokens.dropFirst()) else { return nil }
                items[index] = less
            }
            return .list(items)
        }
        return nil
    }
}
