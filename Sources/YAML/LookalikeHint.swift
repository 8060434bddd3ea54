/// Hints for text that looks like YAML syntax but is plain text. They quote no value, which may be a secret.
package enum LookalikeHint {
    /// For a missing space, as in `uses:chat`; nil for a text that does not begin with a key and a colon.
    package static func colon(in text: some StringProtocol) -> String? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let first = parts[0].first, first.isLetter,
            parts[0].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }),
            let next = parts[1].first, !next.isWhitespace, next != "/", next != ":"
        else { return nil }
        return "write a space after the colon: `\(parts[0]): …`"
    }

    /// For a value in typographic quotes; nil if there is none at the position.
    package static func quote(at position: YAMLPosition, in source: YAMLSource) -> String? {
        let character = source.line(position.line)?.unicodeScalars.dropFirst(position.column - 1).first
        return character.map { "“”„‘’".unicodeScalars.contains($0) } == true ? quotes : nil
    }

    /// For a line with double typographic quotes. A single one may be an apostrophe.
    static func quote(in line: Substring) -> String? {
        line.unicodeScalars.contains { "“”„".unicodeScalars.contains($0) } ? quotes : nil
    }

    private static let quotes = "typographic quotes (“…”) are part of the text; write \"…\""
}
