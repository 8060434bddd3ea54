import RunnelKit

/// Formats a value for people: like YAML, with multi-line texts unchanged.
enum ReadableValue {
    static func text(_ value: Value, indent: Int) -> String {
        lines(value).map { $0.isEmpty ? "" : String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }

    /// Whether the object contains the value, so that it need not be shown separately.
    static func holds(_ object: ValueObject, _ value: Value) -> Bool {
        object.values.contains { contains($0, value) }
    }

    private static func contains(_ whole: Value, _ part: Value) -> Bool {
        if whole == part { return true }
        switch whole {
        case .string(let text): return part.asString.map { !$0.isEmpty && text.contains($0) } ?? false
        case .list(let items): return items.contains { contains($0, part) }
        case .object(let members): return members.values.contains { contains($0, part) }
        default: return false
        }
    }

    private static func lines(_ value: Value) -> [String] {
        switch value {
        case .string(let text): return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        case .object(let members) where !members.isEmpty:
            return members.flatMap { lines($0.value, behind: "\($0.key):") }
        case .list(let items) where !items.isEmpty: return items.flatMap(item)
        default: return [value.json()]
        }
    }

    /// On the line of its key if it fits, otherwise indented below it.
    private static func lines(_ value: Value, behind key: String) -> [String] {
        switch value {
        case .string(let text) where text.contains("\n"): return [key + " |"] + lines(value).map { "  " + $0 }
        case .string(let text): return ["\(key) \(text.isEmpty ? "\"\"" : text)"]
        case .object(let members) where !members.isEmpty: return [key] + lines(value).map { "  " + $0 }
        case .list(let items) where !items.isEmpty: return [key] + lines(value).map { "  " + $0 }
        default: return ["\(key) \(value.json())"]
        }
    }

    private static func item(_ value: Value) -> [String] {
        lines(value).enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
    }
}
