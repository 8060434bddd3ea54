import RunnelKit

/// The words of messages.
enum Wording {
    /// How much of a value is quoted.
    private static let limit = 60
    private static let listLimit = 12

    /// "a", "a or b", "a, b or c".
    static func alternatives(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    /// "a", "a and b", "a, b and c".
    static func enumeration(_ words: [String]) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "nothing" }
        return words.dropLast().joined(separator: ", ") + " and " + last
    }

    /// Values in a row, the first twelve of them.
    static func list(_ words: [String]) -> String {
        let shown = words.prefix(listLimit).joined(separator: ", ")
        return words.count > listLimit ? "\(shown) and \(words.count - listLimit) more" : shown
    }

    /// `text` in quotes, escaped as in JSON, cut when long.
    static func quoted(_ text: String) -> String { quoted(.string(text)) }

    /// `value` as JSON, cut when long.
    static func quoted(_ value: Value) -> String { cut(value, depth: 0).quoted(limit: limit) }

    /// The beginning of a value, so that a large one is not written out for a few characters. What is cut is still
    /// longer than what is shown.
    private static func cut(_ value: Value, depth: Int) -> Value {
        switch value {
        case .string(let text): .string(String(text.prefix(limit)))
        case .bytes(let bytes): .bytes(Array(bytes.prefix(limit)))
        case .list(let items) where depth < limit: .list(items.prefix(limit).map { cut($0, depth: depth + 1) })
        case .object(let object) where depth < limit:
            .object(ValueObject(object.prefix(limit).map { ($0.key, cut($0.value, depth: depth + 1)) }))
        case .list, .object: .null
        default: value
        }
    }

    /// What was found, by kind and, where short, by value: `the number 5`, `the string "a"`, `a list`.
    static func found(_ instance: Instance) -> String {
        guard instance.isContentKnown else { return "a string" }
        return switch instance.value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int, .double: "the number \(quoted(instance.value))"
        case .string: "the string \(quoted(instance.value))"
        case .bytes: "binary data"
        case .list(let items): items.isEmpty ? "an empty list" : "a list"
        case .object(let object): object.isEmpty ? "an empty object" : "an object"
        }
    }

    /// `; did you mean "label"?`, or nothing.
    static func didYouMean(_ suggestion: String?) -> String {
        suggestion.map { "; did you mean \(quoted($0))?" } ?? ""
    }

    /// "1 item", "2 items".
    static func count(_ number: Int, _ noun: String) -> String {
        number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
    }
}
