/// Text of a pipeline's author for a drawing: one line, without what a terminal would act upon, and no longer than
/// fits.
enum PlainLine {
    static func text(_ text: String, limit: Int = 100) -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        let plain = String(String.UnicodeScalarView(words.unicodeScalars.filter { !hides($0) }))
        return plain.count <= limit ? plain : plain.prefix(max(1, limit) - 1) + "…"
    }

    /// Control characters, and those that turn the direction of what follows.
    private static func hides(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    /// An expression without the braces that may stand around it.
    static func expression(_ text: String, limit: Int = 100) -> String {
        var line = self.text(text, limit: .max)
        let inside = line.dropFirst(2).dropLast(2)
        if line.hasPrefix("{{"), line.hasSuffix("}}"), !inside.contains("{{") {
            line = self.text(String(inside), limit: .max)
        }
        return self.text(line, limit: limit)
    }
}
