import RunnelSupport

extension TextStyle {
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
}
