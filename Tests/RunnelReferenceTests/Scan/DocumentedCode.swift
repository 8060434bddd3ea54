/// Codes that are constants with a comment above them: `static let forbidden = Code("forbidden")`.
enum DocumentedCode {
    static func all(in text: String) -> [ErrorUse] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.drop { $0 == " " } }
        // A list of codes says so; other enumerations with hyphens in them are words of a configuration.
        let holdsCodes = text.contains("enum Code: String") || text.contains("struct Code:")
        guard holdsCodes else { return [] }
        return zip(lines, lines.dropFirst()).compactMap { comment, line in
            guard comment.hasPrefix("/// "), line.hasPrefix("case ") || line.contains("= Code(\"") else { return nil }
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            let sentence = comment.dropFirst(4)
            return ErrorUse(
                code: String(parts[1]),
                sentences: [sentence.last == "." ? String(sentence.dropLast()) : String(sentence)],
                hints: [])
        }
    }
}
