/// Hints for text that looks like YAML syntax but is plain text. They quote no value, which may be a secret.
package enum LookalikeHint {
    /// For a text where a key is expected: a missing space, as in `uses:chat`, a full-width colon, a dash or bullet
    /// instead of the hyphen, or a leading non-ASCII space; nil for other texts.
    package static func key(in text: some StringProtocol) -> String? {
        guard let first = text.unicodeScalars.first else { return nil }
        if !first.isASCII, first.properties.isWhitespace || first == "\u{200B}" || first == "\u{FEFF}" {
            return "write ordinary spaces: the space before it (\(name(of: first))) is part of the text"
        }
        if "–—－•・".unicodeScalars.contains(first) {
            return "write `- …`: \(name(of: first)) is not the hyphen of a list"
        }
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == ":" || $0 == "：" }
        guard parts.count == 2, let initial = parts[0].first, initial.isLetter,
            parts[0].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" })
        else { return nil }
        if text[parts[0].endIndex] == "：" { return "write `\(parts[0]): …` with an ASCII colon" }
        guard let next = parts[1].first, !next.isWhitespace, next != "/", next != ":" else { return nil }
        return "write a space after the colon: `\(parts[0]): …`"
    }

    /// The code point, such as `U+00A0`.
    private static func name(of scalar: Unicode.Scalar) -> String {
        "U+" + TextDecoder.hex(scalar.value, digits: 4)
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
