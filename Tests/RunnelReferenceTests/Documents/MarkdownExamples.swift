import Testing

/// A fenced example in a Markdown file.
struct MarkdownExample: CustomTestStringConvertible {
    let file: String
    /// Of the first line inside the fence.
    let line: Int
    let text: String

    var testDescription: String { "\(file):\(line)" }
}

enum MarkdownExamples {
    /// The examples that are fenced as YAML.
    static func yaml(in file: String) throws -> [MarkdownExample] {
        var examples: [MarkdownExample] = []
        var begin: Int?
        var lines: [Substring] = []
        let all = try Project.text(file).split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in all.enumerated() {
            if let first = begin {
                if line == "```" {
                    examples.append(
                        MarkdownExample(file: file, line: first, text: lines.joined(separator: "\n") + "\n"))
                    begin = nil
                } else {
                    lines.append(line)
                }
            } else if line == "```yaml" || line == "```yml" {
                (begin, lines) = (index + 2, [])
            }
        }
        return examples
    }

    static func files() throws -> [String] {
        try ["README.md"] + Project.files(in: "docs", suffix: ".md")
    }

    /// Every example of every document that is a pipeline: it has the key `steps`.
    static func pipelines() throws -> [MarkdownExample] {
        try files().flatMap { try yaml(in: $0) }.filter { $0.text.hasPrefix("steps:") || $0.text.contains("\nsteps:") }
    }
}
