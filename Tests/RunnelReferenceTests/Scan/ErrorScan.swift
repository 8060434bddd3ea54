import RunnelReference

/// Finds the codes of errors in the project's sources: the literals that errors are made with.
enum ErrorScan {
    /// The parts of Runnel in the order of the reference, by the folders they are made of.
    private static let parts: [(title: String, folders: [String])] = [
        ("YAML", ["Sources/YAML/"]),
        (
            "Pipeline files and configuration",
            ["Sources/RunnelEngine/Model/", "Sources/RunnelEngine/Validation/", "Sources/RunnelEngine/Settings/"]
        ),
        ("Templates", ["Sources/Templates/"]),
        ("JSON schemas", ["Sources/JSONSchema/"]),
        ("Runs and the journal", ["Sources/RunnelEngine/", "Sources/RunnelStore/"]),
        ("Every step", ["Sources/RunnelKit/"]),
        ("chat", ["plugins/chat/", "Sources/Marketplace/"]),
        ("file.read and file.write", ["plugins/file/", "Sources/RunnelKit/Files/Access/"]),
        ("http.fetch and webhook.send", ["plugins/http/", "Sources/RunnelHTTP/"]),
        ("log", ["plugins/log/"]),
        ("template", ["plugins/template/"]),
        ("transform", ["plugins/transform/"]),
        ("schedule", ["plugins/schedule/"]),
        ("watch", ["plugins/watch/"]),
        ("webhook", ["plugins/webhook/", "Sources/RunnelKit/Ingress/"]),
        ("Plugins in other languages", ["Sources/RunnelProcess/", "Sources/MCP/"]),
        ("Tests of pipelines", ["Sources/PipelineTesting/"]),
        ("The API of a server", ["Sources/RunnelServer/"]),
        ("The command line", ["Sources/RunnelCLI/"]),
    ]

    /// The part whose folder is the closest one around the file.
    private static func part(of file: String) -> String? {
        parts.flatMap { part in part.folders.map { (part.title, $0) } }.filter { file.hasPrefix($0.1) }
            .max { $0.1.utf8.count < $1.1.utf8.count }?.0
    }

    static func entries() throws -> [ErrorEntry] {
        let files = try Project.files(in: "Sources", suffix: ".swift") + Project.files(in: "plugins", suffix: ".swift")
        let constants = try codes(
            in: files.filter { $0.hasPrefix("Sources/RunnelEngine/") || $0.hasPrefix("Sources/RunnelKit/") })
        var found: [String: [String: (sentences: [String], hints: [String])]] = [:]
        for file in files {
            guard let part = part(of: file) else { continue }
            let text = withCodes(try Project.text(file), constants)
            let uses = SwiftArguments.all(in: text).flatMap(ErrorUse.all) + ErrorUse.assigned(in: text)
            // What is said where the error is made is closer to what a person reads than the comment of its code.
            let documented = isCommentShown(file) ? DocumentedCode.all(in: text) : []
            for use in uses + documented {
                var entry = found[part]?[use.code] ?? ([], [])
                entry.sentences += use.sentences.filter { !entry.sentences.contains($0) }
                entry.hints += use.hints.filter { !entry.hints.contains($0) }
                found[part, default: [:]][use.code] = entry
            }
        }
        return parts.flatMap { part in
            (found[part.title] ?? [:]).sorted { $0.key < $1.key }.map {
                ErrorEntry($0.key, part: part.title, sentences: $0.value.sentences, hints: $0.value.hints)
            }
        }
    }

    /// The codes of the journal's and steps' errors have their sentences where the errors are made.
    private static func isCommentShown(_ file: String) -> Bool {
        !file.hasSuffix("/JournalError.swift") && !file.hasSuffix("/StepError.swift")
    }

    /// The codes that are constants, by name: `static let full = Code("journal-full")`.
    private static func codes(in files: [String]) throws -> [String: String] {
        var codes: [String: String] = [:]
        for file in files {
            for line in try Project.text(file).split(separator: "\n") where line.contains(" = Code(\"") {
                let words = line.split { $0 == " " || $0 == "\"" }
                guard let index = words.firstIndex(of: "let"), words.count > index + 4 else { continue }
                codes[String(words[index + 1])] = String(words[index + 4])
            }
        }
        return codes
    }

    /// The source with constants written out where they are the first argument of an error.
    private static func withCodes(_ text: String, _ codes: [String: String]) -> String {
        var result = text
        for constructor in ["JournalError(", "StepError(", "self.init("] where text.contains(constructor) {
            var parts = result.split(separator: constructor, omittingEmptySubsequences: false).map(String.init)
            for index in parts.indices.dropFirst() {
                let argument = parts[index].drop { $0.isWhitespace }
                guard argument.first == "." else { continue }
                let name = argument.dropFirst().prefix { $0.isLetter }
                guard let code = codes[String(name)] else { continue }
                parts[index] = "\"\(code)\"" + argument.dropFirst(1 + name.count)
            }
            result = parts.joined(separator: constructor)
        }
        return result
    }
}
