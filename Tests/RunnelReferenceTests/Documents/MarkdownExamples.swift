import RunnelEngine
import RunnelKit
import RunnelProcess
import Testing

/// An example in a Markdown file: a fence, or a block of lines that are indented by at least four spaces. Both can stand in a
/// list, and are then indented further.
struct MarkdownExample: CustomTestStringConvertible {
    let file: String
    /// Of the first line of the text.
    let line: Int
    /// What the fence names; nil for an indented block.
    let language: String?
    /// Without the indentation of the whole.
    let text: String

    var testDescription: String { "\(file):\(line)" }

    /// An indented block counts as YAML if it begins with a key, or with a list item that does.
    var isYAML: Bool {
        language == "yaml" || language == nil && text.prefixMatch(of: #/(#.*\n)*(- )?[A-Za-z_]+:\s/#) != nil
    }

    var isJSON: Bool { language == "json" || language == nil && text.hasPrefix("{\"") }

    var isPipeline: Bool { isYAML && (try? Project.data(text))?["steps"]?.asList != nil }

    /// The arguments of each call of `runnel`, as a shell reads them.
    var calls: [[String]] {
        text.split(separator: "\n").flatMap { line -> [[String]] in
            let words = line.matches(of: #/"[^"]*"|'[^']*'|[|&;<>]+|[^\s|&;<>"']+/#).map { String($0.output) }
                .prefix { !$0.hasPrefix("#") }
            return words.split { $0.allSatisfy { "|&;<>".contains($0) } }.compactMap { words -> [String]? in
                let command = words.drop { $0 == "$" || $0.contains("=") }
                guard command.first == "runnel" else { return nil }
                return command.dropFirst().map { word in
                    word.hasPrefix("\"") || word.hasPrefix("'") ? String(word.dropFirst().dropLast()) : word
                }
            }
        }
    }
}

enum MarkdownExamples {
    /// Those of every document.
    static func all() throws -> [MarkdownExample] {
        let files = try ["README.md", "README.ja.md", "plugins/README.md"] + Project.files(in: "docs", suffix: ".md")
        return try files.flatMap { try read(Project.text($0), file: $0) }
    }

    static func read(_ text: String, file: String) -> [MarkdownExample] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var examples: [MarkdownExample] = []
        var index = 0
        while index < lines.count {
            let width = indentation(lines[index])
            let line = lines[index].dropFirst(width)
            let language = line.hasPrefix("```") ? String(line.dropFirst(3)) : nil
            let begin = language == nil ? index : index + 1
            let end: Int?
            if language != nil {
                end = lines[begin...].firstIndex { $0.dropFirst(indentation($0)) == "```" }
            } else if width >= 4, index == 0 || lines[index - 1].isEmpty {
                end = lines[begin...].firstIndex { !$0.isEmpty && indentation($0) < width }
            } else {
                index += 1
                continue
            }
            index = end ?? lines.count
            let text = lines[begin..<index].map { $0.dropFirst(min(width, indentation($0))) }.joined(separator: "\n")
            examples.append(MarkdownExample(file: file, line: begin + 1, language: language, text: text + "\n"))
            if language != nil { index += 1 }
        }
        return examples
    }

    private static func indentation(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }

    /// With the plugins that ship as programs, and the one that the tutorial's reader writes.
    static func registry() throws -> StepRegistry {
        let greet: Value = [
            "name": "greet", "protocol": "exec", "command": "sh", "steps": ["hello": ["summary": "Greets."]],
        ]
        let manifests = try ShippedPrograms.manifests() + [PluginManifest(manifest: greet)]
        return try Project.registry(with: manifests.map { ShippedPrograms.plugin($0) })
    }
}
