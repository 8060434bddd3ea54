import LibC
import RunnelKit

/// Words what the argument parser says like all other messages.
enum ParserMessage {
    /// The width of the help in columns. The parser indents by 26 columns, and crashes if there are fewer.
    static var width: Int {
        let given = getenv("COLUMNS").flatMap { Int(String(cString: $0)) }
        return max(40, given ?? Streams.output.width ?? 80)
    }

    /// The help of a command, with its usage in lines as long as the others.
    static func help(_ message: String) -> String {
        message.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("USAGE: ") ? TextWrap.wrap(String(line), width: width, hanging: 4) : String(line)
        }.joined(separator: "\n")
    }

    /// What an option takes, by the name of its value.
    private static func expectation(_ option: String) -> String {
        switch option.split(separator: "<").last?.dropLast() {
        case "duration": "a duration such as 90m, 12h or 30d"
        case "share": "a number from 0 to 1"
        case "delivery": "the number of a delivery, or last"
        default: "a whole number"
        }
    }

    /// The hint for arguments that may be meant as inputs of the pipeline; nil for a command without `--input`.
    private static func inputHint(_ names: [String], _ lines: [String]) -> String? {
        let commands = ["run", "trigger", "runs retry"].map { "Usage: runnel \($0) " }
        guard lines.contains(where: { line in commands.contains { line.hasPrefix($0) } }) else { return nil }
        return "inputs of the pipeline are set with `\(names.map { "--input \($0)=…" }.joined(separator: " "))`"
    }

    static func text(_ message: String) -> String {
        guard message.hasPrefix("Error: ") else { return message }
        var lines = message.dropFirst("Error: ".count).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        // A list of values is one line, with the closest of them as a hint.
        let choices = lines.filter { $0.hasPrefix("  - ") }.map { String($0.dropFirst(4)) }
        if !choices.isEmpty {
            lines.removeAll { $0.hasPrefix("  - ") }
            lines[0] = lines[0].replacing(
                "Please provide one of the following:", with: "Valid values: \(choices.joined(separator: ", "))")
        }
        let quoted = lines[0].split(separator: "'", omittingEmptySubsequences: false).map(String.init)
        if lines[0].hasPrefix("The value '"), quoted.count > 1 {
            // Short lists stand in the sentence: 'a', 'b' or 'c'.
            let known = choices.isEmpty ? stride(from: 5, to: quoted.count, by: 2).map { quoted[$0] } : choices
            if let hint = Suggestion.hint(for: quoted[1], among: known) { lines.insert("  = \(hint)", at: 1) }
            if known.isEmpty, lines[0].hasSuffix("'") { lines[0] += ": expected \(expectation(quoted[3]))" }
        }
        if lines[0].hasPrefix("Unknown option '"), quoted.count > 1 {
            lines[0] = "Unknown option '\(quoted[1])'"
            // Checked again, because the parser suggests `--json` for `--n`.
            let closest = quoted.count > 3 ? Suggestion.hint(for: quoted[1], among: [quoted[3]]) : nil
            let name = String(quoted[1].drop { $0 == "-" })
            if let hint = closest ?? inputHint([name], lines) { lines.insert("  = \(hint)", at: 1) }
        } else if lines[0].contains("nexpected argument") {
            let arguments = stride(from: 1, to: quoted.count, by: 2).map { quoted[$0] }
            let names = arguments.compactMap { NamedValue.split($0)?.name }
            if names.count == arguments.count, let hint = inputHint(names, lines) {
                lines.insert("  = \(hint)", at: 1)
            }
        }
        return "error: " + lines[0].prefix(1).lowercased() + lines[0].dropFirst()
            + lines.dropFirst().map { "\n" + $0 }.joined()
    }
}

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
