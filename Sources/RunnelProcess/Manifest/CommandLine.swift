public import RunnelKit

/// A program and its arguments. No shell reads it.
public struct CommandLine: FieldValue, Hashable {
    /// The program first.
    public let words: [String]

    public static var schema: Value {
        [
            "anyOf": [
                ["type": "string", "minLength": 1],
                ["type": "array", "items": ["type": "string"], "minItems": 1],
            ]
        ]
    }

    public init(field value: Value) throws(FieldError) {
        switch value {
        case .string(let text): words = try Self.split(text)
        case .list: words = try [String](field: value)
        default:
            throw .expected(
                "a program and its arguments, such as [python3, main.py] or \"python3 main.py\"", found: value)
        }
        guard let program = words.first, !program.isEmpty else {
            throw FieldError("the command is empty", hint: "write the program first, such as [python3, main.py]")
        }
        if words.contains(where: { $0.utf8.contains(0) }) { throw FieldError("the command holds a NUL character") }
    }

    public var fieldDefault: Value? { .list(words.map { .string($0) }) }

    /// Splits at white space. Single and double quotes hold a word together; a backslash outside of single quotes
    /// takes the next character as it is.
    private static func split(_ text: String) throws(FieldError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var characters = text[...]
        while let character = characters.popFirst() {
            if character == "\\", quote != "'" {
                guard let next = characters.popFirst() else {
                    throw FieldError("the command ends with a backslash", hint: "write it as a list of words")
                }
                word = (word ?? "") + String(next)
            } else if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if quote == nil, character.isWhitespace {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let quote {
            throw FieldError("the quote \(quote) in the command is not closed", hint: "write it as a list of words")
        }
        return words + (word.map { [$0] } ?? [])
    }
}
