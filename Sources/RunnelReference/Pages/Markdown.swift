/// Writes Markdown as GitHub reads it.
enum Markdown {
    /// A table; a column that is empty in every row is left out.
    static func table(_ header: [String], _ rows: [[String]]) -> String {
        let kept = header.indices.filter { column in rows.contains { !$0[column].isEmpty } }
        let line = { (cells: [String]) in "| " + kept.map { cell(cells[$0]) }.joined(separator: " | ") + " |\n" }
        return line(header) + "|" + String(repeating: "---|", count: kept.count) + "\n" + rows.map(line).joined()
    }

    /// Text in which nothing ends a table's cell.
    private static func cell(_ text: String) -> String {
        text.split(separator: "\n").joined(separator: " ").replacing("|", with: "\\|")
    }

    /// A code span, whatever the text holds.
    static func code(_ text: String) -> String {
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")
        guard line.contains("`") else { return "`\(line)`" }
        return "`` \(line) ``"
    }

    static func yaml(_ text: String) -> String { "```yaml\n\(text.trimmedLines)\n```\n" }

    /// What a heading is called in a link on the same page.
    static func anchor(_ heading: String) -> String {
        heading.lowercased().filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" || $0 == " " }
            .replacing(" ", with: "-")
    }

    /// Words with commas, and `joint` before the last.
    static func list(_ words: [String], _ joint: String) -> String {
        guard let last = words.last, words.count > 1 else { return words.joined() }
        return words.dropLast().joined(separator: ", ") + " \(joint) \(last)"
    }
}

extension String {
    /// Without empty lines at both ends.
    fileprivate var trimmedLines: String {
        var lines = split(separator: "\n", omittingEmptySubsequences: false)
        while lines.last?.isEmpty == true { lines.removeLast() }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        return lines.joined(separator: "\n")
    }
}
