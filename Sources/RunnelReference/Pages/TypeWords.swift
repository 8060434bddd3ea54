import RunnelEngine
import RunnelKit

/// A schema in a few words, for a table of keys.
enum TypeWords {
    static func text(_ schema: Value) -> String {
        guard let object = schema.asObject else { return "any value" }
        if let name = named(object) { return name }
        if let choices = object["enum"]?.asList {
            return Markdown.list(withoutRepeats(choices).map { Markdown.code(written($0)) }, "or")
        }
        if let value = object["const"] { return Markdown.code(written(value)) }
        if let alternatives = object["anyOf"]?.asList ?? object["oneOf"]?.asList, object["properties"] == nil {
            let words = unique(alternatives.map(text))
            // A comma keeps apart what holds an "or" of its own.
            return words.contains { $0.contains(" or ") }
                ? words.joined(separator: ", or ") : Markdown.list(words, "or")
        }
        if let types = object["type"]?.asList {
            return Markdown.list(types.map { kind($0.asString ?? "", object) }, "or")
        }
        guard let type = object["type"]?.asString else { return object["properties"] == nil ? "any value" : "object" }
        return kind(type, object)
    }

    /// A value as a person would write it in YAML.
    static func written(_ value: Value) -> String {
        guard let text = value.asString else { return value.json() }
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/ ".contains($0)) }
        let isText = text.contains { $0.isLetter } && !["true", "false", "null"].contains(text)
        return isPlain && isText && text.first != " " && text.last != " " ? text : value.json()
    }

    /// What has a name of its own in the reference.
    private static func named(_ schema: ValueObject) -> String? {
        let bare = Value.object(schema.removing("description").removing("default"))
        if bare == Duration.schema { return "duration" }
        if bare == ByteCount.schema { return "size" }
        if bare == SensitiveValue.schema { return "secret" }
        return nil
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
        case "string" where schema["format"]?.asString == ProjectPathPlaces.format: return "path"
        case "string":
            let example = schema["examples"]?.asList?.first.map { ", such as \(Markdown.code(written($0)))" }
            return "string" + (example ?? "")
        default: return type
        }
    }

    private static func range(_ schema: ValueObject) -> String {
        switch (schema["minimum"], schema["maximum"]) {
        case (let low?, let high?): " from \(low.json()) to \(high.json())"
        case (let low?, nil): " from \(low.json()) on"
        case (nil, let high?): " up to \(high.json())"
        case (nil, nil): ""
        }
    }

    /// The words for several of a kind: `strings, such as …`.
    private static func plural(_ words: String) -> String {
        if words == "any value" { return "values" }
        guard !words.contains(" or ") else { return words }
        let nouns = [
            "string", "object", "number", "whole number", "boolean", "duration", "size", "secret", "list", "path",
        ]
        guard let noun = nouns.last(where: { words == $0 || words.hasPrefix($0 + ",") || words.hasPrefix($0 + " ") })
        else { return words }
        return noun + "s" + words.dropFirst(noun.count)
    }

    /// Without the small forms of words that may be written either way.
    private static func withoutRepeats(_ choices: [Value]) -> [Value] {
        choices.filter { choice in
            guard let word = choice.asString, word != word.uppercased() else { return true }
            return !choices.contains(.string(word.uppercased()))
        }
    }

    private static func unique(_ words: [String]) -> [String] {
        var seen: Set<String> = []
        return words.filter { seen.insert($0).inserted }
    }
}
