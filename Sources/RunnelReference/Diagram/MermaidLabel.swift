/// A text inside the quotes of a Mermaid label.
///
/// Whatever could mean something to Mermaid or to the page that shows it is written as a character code (`#35;`).
enum MermaidLabel {
    static func text(_ text: String, limit: Int = 60) -> String {
        PlainLine.text(text, limit: limit).unicodeScalars.map(escaped).joined()
    }

    /// Several lines, quoted.
    static func quoted(_ lines: [String], separator: String = "<br/>") -> String {
        "\"" + lines.map { text($0) }.joined(separator: separator) + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        let isPlain =
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            || " .,:_-/=+*'()…".unicodeScalars.contains(scalar)
        return isPlain ? String(scalar) : "#\(scalar.value);"
    }
}
