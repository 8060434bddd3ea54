/// How the text of a report is dressed up.
struct ReportStyle {
    let hasColor: Bool

    func bold(_ text: String) -> String { wrap(text, "1") }
    func dim(_ text: String) -> String { wrap(text, "2") }
    func green(_ text: String) -> String { wrap(text, "32") }
    func red(_ text: String) -> String { wrap(text, "31") }

    /// What was expected in green, what was found in red.
    func difference(_ text: String) -> String {
        guard hasColor, text.hasPrefix("--- expected\n") else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            switch line.first {
            case "-"?: green(String(line))
            case "+"?: red(String(line))
            case "@"?: dim(String(line))
            default: String(line)
            }
        }.joined(separator: "\n")
    }

    private func wrap(_ text: String, _ code: String) -> String {
        hasColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    /// Text from elsewhere without the control characters that would move a terminal's cursor or change its settings.
    func safe(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Self.isControl) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(Self.isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
    }
}
