import RunnelKit

/// The reference of a step or a trigger, generated from its declaration.
struct StepReference {
    private let name: String
    private let summary: String
    private let details: String
    /// Where the keys stand.
    private let place: String
    private let fields: [FieldDefinition]
    private let rules: [FieldRule]
    private let result: [String]
    private let examples: [StepDocumentation.Example]
    /// What the first line of an example stands behind.
    private let bullet: String

    init(_ step: StepDefinition) {
        (name, summary, details) = (step.name, step.summary, step.documentation.details)
        (place, fields, rules) = ("with:", step.fields, step.rules)
        result = ["Output: \(step.documentation.output)"]
        (examples, bullet) = (step.documentation.examples, "- ")
    }

    init(_ trigger: TriggerDefinition) {
        (name, summary, details) = (trigger.name, trigger.summary, trigger.documentation.details)
        (place, fields, rules) = ("on: \(trigger.name):", trigger.fields, trigger.rules)
        let payload = trigger.documentation.payload
        result =
            ["Templates find:", "  trigger.type: \"\(trigger.name)\""]
            + payload.map { "  trigger.\($0.name): \($0.help)" }
        (examples, bullet) = (trigger.documentation.examples, "")
    }

    /// - Parameter width: The columns of the terminal; nil: nothing is wrapped.
    func text(width: Int?) -> String {
        func wrap(_ text: String, indent: Int = 0, hanging: Int = 0) -> String {
            TextWrap.wrap(text, width: width, indent: indent, hanging: hanging)
        }
        var text = "\(name)\n\n\(wrap(summary))\n"
        let details = details.trimmingEnd
        // The tools of some servers have no more than one text.
        if !details.isEmpty, details != summary { text += "\n\(wrap(details))\n" }
        if !fields.isEmpty { text += "\n\(place)\n" }
        for field in fields {
            text += wrap(facts(field), indent: 2, hanging: 4) + "\n"
            if !field.help.isEmpty { text += wrap(field.help, indent: 6) + "\n" }
        }
        for rule in rules { text += wrap(words(rule), indent: 2) + "\n" }
        for line in [""] + result {
            let isKey = line.hasPrefix("  ")
            text += wrap(isKey ? String(line.dropFirst(2)) : line, indent: isKey ? 2 : 0, hanging: isKey ? 4 : 0) + "\n"
        }
        for example in examples {
            let yaml = example.yaml.split(separator: "\n", omittingEmptySubsequences: false)
            let margin = String(repeating: " ", count: bullet.count)
            text += "\n\(example.title):\n\n"
            text += yaml.enumerated().map { "  " + ($0.offset == 0 ? bullet : margin) + $0.element + "\n" }.joined()
        }
        return text
    }

    /// The key with its type and default.
    private func facts(_ field: FieldDefinition) -> String {
        var facts = [type(of: field.schema)]
        if field.isRequired {
            facts.append("required")
        } else if let value = field.defaultValue, !value.isNull {
            facts.append("default \(value.json())")
        }
        return "\(field.key)  (\(facts.joined(separator: ", ")))"
    }

    private func type(of schema: Value) -> String {
        if let choices = schema["enum"]?.asList { return choices.map(\.text).joined(separator: " | ") }
        if let alternatives = schema["anyOf"]?.asList ?? schema["oneOf"]?.asList {
            return alternatives.map(type).joined(separator: " or ")
        }
        switch schema["type"]?.asString {
        case "array": return "list"
        case "integer": return "whole number"
        case "boolean": return "true or false"
        case let name?: return name
        case nil: return "any value"
        }
    }

    private func words(_ rule: FieldRule) -> String {
        switch rule {
        case .exactlyOne(let keys): "Exactly one of \(keys.joined(separator: ", ")) is given."
        case .atMostOne(let keys): "At most one of \(keys.joined(separator: ", ")) is given."
        case .requires(let key, let others): "\(key) also needs \(others.joined(separator: ", "))."
        }
    }
}

extension String {
    /// The text without trailing white space.
    var trimmingEnd: String {
        String(reversed().drop { $0.isWhitespace }.reversed())
    }
}
