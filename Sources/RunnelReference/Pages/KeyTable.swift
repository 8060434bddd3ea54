import RunnelKit

/// The keys of an object and of the objects inside of it, as rows of a table.
enum KeyTable {
    static func text(_ schema: Value) -> String {
        let rows = rows(of: schema, path: "")
        return rows.isEmpty ? "" : Markdown.table(["key", "value", "default", "meaning"], rows)
    }

    private static func rows(of schema: Value, path: String) -> [[String]] {
        let required = (schema["required"]?.asList ?? []).compactMap(\.asString)
        return (schema["properties"]?.asObject ?? ValueObject()).flatMap { key, value in
            let name = path.isEmpty ? key : "\(path).\(key)"
            let absent =
                if required.contains(key) { "required" } else if let value = value["default"] {
                    Markdown.code(TypeWords.written(value))
                } else { "" }
            let row = [Markdown.code(name), TypeWords.text(value), absent, value["description"]?.asString ?? ""]
            return [row] + inner(of: value, path: name)
        }
    }

    /// The keys of the object that the value is, may be, or is a list of.
    private static func inner(of schema: Value, path: String) -> [[String]] {
        if schema["properties"] != nil { return rows(of: schema, path: path) }
        if let items = schema["items"] { return inner(of: items, path: path + "[]") }
        let alternatives = schema["anyOf"]?.asList ?? schema["oneOf"]?.asList ?? []
        return alternatives.flatMap { inner(of: $0, path: path) }
    }

    /// What rules over several keys say.
    static func text(_ rules: [FieldRule]) -> String {
        rules.map { rule in
            switch rule {
            case .exactlyOne(let keys): "Exactly one of \(words(keys, "and")) is given."
            case .atMostOne(let keys): "At most one of \(words(keys, "and")) is given."
            case .requires(let key, let others): "\(Markdown.code(key)) also needs \(words(others, "and"))."
            }
        }.joined(separator: " ")
    }

    private static func words(_ keys: [String], _ joint: String) -> String {
        Markdown.list(keys.map(Markdown.code), joint)
    }
}
