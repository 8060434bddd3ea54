import RunnelKit

/// The reference of a step, generated from its declaration.
struct StepReference {
    private let step: StepDefinition

    init(_ step: StepDefinition) {
        self.step = step
    }

    /// - Parameter width: The columns of the terminal; nil: nothing is wrapped.
    func text(width: Int?) -> String {
        func wrap(_ text: String, indent: Int = 0, hanging: Int = 0) -> String {
            TextWrap.wrap(text, width: width, indent: indent, hanging: hanging)
        }
        var text = "\(step.name)\n\n\(wrap(step.summary))\n"
        let details = step.documentation.details.trimmingEnd
        // The tools of some servers have no more than one text.
        if !details.isEmpty, details != step.summary { text += "\n\(wrap(details))\n" }
        if !step.fields.isEmpty { text += "\nwith:\n" }
        for field in step.fields {
            text += wrap(facts(field), indent: 2, hanging: 4) + "\n"
            if !field.help.isEmpty { text += wrap(field.help, indent: 6) + "\n" }
        }
        for rule in step.rules { text += wrap(words(rule), indent: 2) + "\n" }
        text += "\n\(wrap("Output: \(step.documentation.output)"))\n"
        for example in step.documentation.examples {
            let yaml = example.yaml.split(separator: "\n", omittingEmptySubsequences: false)
            text += "\n\(example.title):\n\n"
            text +=
                yaml.enumerated().map { ($0.offset == 0 ? "  - " : "    ") + $0.element }.joined(separator: "\n") + "\n"
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
    fileprivate var trimmingEnd: String {
        String(reversed().drop { $0.isWhitespace }.reversed())
    }
}
