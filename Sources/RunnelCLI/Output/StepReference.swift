import RunnelKit

/// The reference of a step, generated from its declaration.
struct StepReference {
    private let step: StepDefinition

    init(_ step: StepDefinition) {
        self.step = step
    }

    var text: String {
        var text = "\(step.name)\n\n\(step.summary)\n"
        if !step.documentation.details.isEmpty { text += "\n\(step.documentation.details.trimmingEnd)\n" }
        if !step.fields.isEmpty { text += "\nwith:\n" + step.fields.map(entry).joined() }
        for rule in step.rules { text += "  \(words(rule))\n" }
        text += "\nOutput: \(step.documentation.output)\n"
        for example in step.documentation.examples {
            let yaml = example.yaml.split(separator: "\n", omittingEmptySubsequences: false)
            text += "\n\(example.title):\n\n"
            text +=
                yaml.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }.joined(separator: "\n") + "\n"
        }
        return text
    }

    private func entry(_ field: FieldDefinition) -> String {
        var facts = [type(of: field.schema)]
        if field.isRequired {
            facts.append("required")
        } else if let value = field.defaultValue, !value.isNull {
            facts.append("default \(value.json())")
        }
        return "  \(field.key)  (\(facts.joined(separator: ", ")))\n"
            + (field.help.isEmpty ? "" : "      \(field.help)\n")
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
    fileprivate var trimmingEnd: String {
        String(reversed().drop { $0.isWhitespace }.reversed())
    }
}
