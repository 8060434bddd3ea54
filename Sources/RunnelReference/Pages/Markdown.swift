import RunnelEngine
import RunnelKit

/// Writes GitHub Flavored Markdown.
enum Markdown {
    /// A table; columns that are empty in every row are omitted.
    static func table(_ header: [String], _ rows: [[String]]) -> String {
        let kept = header.indices.filter { column in rows.contains { !$0[column].isEmpty } }
        let line = { (cells: [String]) in "| " + kept.map { cell(cells[$0]) }.joined(separator: " | ") + " |\n" }
        return line(header) + "|" + String(repeating: "---|", count: kept.count) + "\n" + rows.map(line).joined()
    }

    /// Text escaped for a table cell.
    private static func cell(_ text: String) -> String {
        text.split(separator: "\n").joined(separator: " ").replacing("|", with: "\\|")
    }

    /// A code span of any text.
    static func code(_ text: String) -> String {
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")
        guard line.contains("`") else { return "`\(line)`" }
        return "`` \(line) ``"
    }

    /// Text without HTML: what is in angle brackets outside of code spans stays visible.
    static func escaped(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0.offset % 2 == 0 ? String($0.element).replacing("<", with: "&lt;") : String($0.element) }
            .joined(separator: "`")
    }

    static func yaml(_ text: String) -> String { "```yaml\n\(text.trimmedLines)\n```\n" }

    /// The anchor of a heading.
    static func anchor(_ heading: String) -> String {
        heading.lowercased().filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == " " }
            .replacing(" ", with: "-")
    }

    /// The text with one line break at its end: a block scalar of YAML brings its own.
    static func paragraphs(_ text: String) -> String { text.trimmedLines + "\n" }

    /// Joins words with commas, and with `joint` before the last.
    static func list(_ words: [String], _ joint: String) -> String {
        guard let last = words.last, words.count > 1 else { return words.joined() }
        return words.dropLast().joined(separator: ", ") + " \(joint) \(last)"
    }
}

extension String {
    /// The text without leading and trailing empty lines.
    fileprivate var trimmedLines: String {
        var lines = split(separator: "\n", omittingEmptySubsequences: false)
        while lines.last?.isEmpty == true { lines.removeLast() }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        return lines.joined(separator: "\n")
    }
}

/// The keys of an object and its nested objects, as rows of a table.
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

    /// The keys of the value if it is an object, a choice of objects or a list of them.
    private static func inner(of schema: Value, path: String) -> [[String]] {
        if schema["properties"] != nil { return rows(of: schema, path: path) }
        if let items = schema["items"] { return inner(of: items, path: path + "[]") }
        let alternatives = schema["anyOf"]?.asList ?? schema["oneOf"]?.asList ?? []
        return alternatives.flatMap { inner(of: $0, path: path) }
    }

    /// Rules about several keys, in words.
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

/// A schema in a few words, for tables.
enum TypeWords {
    static func text(_ schema: Value) -> String {
        guard let object = schema.asObject else { return "any value" }
        if let name = named(object) { return name }
        if let name = component(object) { return "[\(name)](#\(Markdown.anchor(name)))" }
        if let choices = object["enum"]?.asList {
            return Markdown.list(withoutRepeats(choices).map { Markdown.code(written($0)) }, "or")
        }
        if let value = object["const"] { return Markdown.code(written(value)) }
        if let alternatives = object["anyOf"]?.asList ?? object["oneOf"]?.asList, object["properties"] == nil {
            let words = alternatives.map(text).withoutRepeats
            // Commas separate alternatives that contain "or" themselves.
            return words.contains { $0.contains(" or ") }
                ? words.joined(separator: ", or ") : Markdown.list(words, "or")
        }
        if let types = object["type"]?.asList {
            return Markdown.list(types.map { kind($0.asString ?? "", object) }, "or")
        }
        guard let type = object["type"]?.asString else { return object["properties"] == nil ? "any value" : "object" }
        return kind(type, object)
    }

    /// A value in YAML syntax.
    static func written(_ value: Value) -> String {
        guard let text = value.asString else { return value.json() }
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/ ".contains($0)) }
        let isText = text.contains { $0.isLetter } && !["true", "false", "null"].contains(text)
        return isPlain && isText && text.first != " " && text.last != " " ? text : value.json()
    }

    /// The name of a schema that has one in the reference.
    private static func named(_ schema: ValueObject) -> String? {
        let bare = Value.object(schema.removing("description").removing("default"))
        if bare == Duration.schema { return "duration" }
        if bare == ByteCount.schema { return "size" }
        if bare == SensitiveValue.schema { return "secret" }
        return nil
    }

    /// The name of the schema of an OpenAPI description that this one refers to.
    private static func component(_ schema: ValueObject) -> String? {
        guard let reference = schema["$ref"]?.asString, reference.hasPrefix("#/components/schemas/") else { return nil }
        return reference.split(separator: "/").last.map(String.init)
    }

    private static func kind(_ type: String, _ schema: ValueObject) -> String {
        switch type {
        case "array":
            guard let items = schema["items"], items != true else { return "list" }
            return "list of \(plural(text(items)))"
        case "integer": return "whole number" + range(schema)
        case "number": return "number" + range(schema)
        case "boolean": return "boolean"
        case "object":
            guard let values = schema["additionalProperties"]?.asObject else { return "object" }
            return "object of \(plural(text(.object(values))))"
        case "string" where schema["format"]?.asString == ProjectPath.format: return "path"
        case "string" where schema["format"] == "date-time" && schema["examples"] == nil: return "time"
        case "string":
            let example = schema["examples"]?.asList?.first.map { ", such as \(Markdown.code(written($0)))" }
            return "string" + (example ?? "")
        default: return type
        }
    }

    private static func range(_ schema: ValueObject) -> String {
        switch (schema["minimum"], schema["maximum"]) {
        case (let low?, let high?) where high != .int(.max): " from \(low.json()) to \(high.json())"
        case (let low?, _): " from \(low.json()) on"
        case (nil, let high?): " up to \(high.json())"
        case (nil, nil): ""
        }
    }

    /// The plural form: `strings, such as …`.
    private static func plural(_ words: String) -> String {
        if words == "any value" { return "values" }
        guard !words.contains(" or ") else { return words }
        let nouns = [
            "string", "object", "number", "whole number", "boolean", "duration", "size", "secret", "list", "path",
            "time",
        ]
        guard let noun = nouns.last(where: { words == $0 || words.hasPrefix($0 + ",") || words.hasPrefix($0 + " ") })
        else { return words }
        return noun + "s" + words.dropFirst(noun.count)
    }

    /// The choices without lower-case duplicates.
    private static func withoutRepeats(_ choices: [Value]) -> [Value] {
        choices.filter { choice in
            guard let word = choice.asString, word != word.uppercased() else { return true }
            return !choices.contains(.string(word.uppercased()))
        }
    }
}

extension [String] {
    /// The words without duplicates, in the order of their first occurrence.
    var withoutRepeats: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
