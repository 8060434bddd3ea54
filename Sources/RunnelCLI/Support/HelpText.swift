/// Formats what `--help` says beyond the summary of a command.
enum HelpText {
    /// - Parameters:
    ///   - paragraphs: Without line breaks: the terminal's width decides where lines end.
    ///   - examples: Commands to type, each with what it does.
    static func text(_ paragraphs: String..., examples: KeyValuePairs<String, String> = [:]) -> String {
        var parts = [paragraphs.joined(separator: "\n")].filter { !$0.isEmpty }
        if !examples.isEmpty {
            parts.append(
                examplesTitle + "\n" + examples.map { "  \($0.key)\n      \($0.value)" }.joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n")
    }

    /// Also what the manual page looks for.
    static let examplesTitle = "Examples:"
}
