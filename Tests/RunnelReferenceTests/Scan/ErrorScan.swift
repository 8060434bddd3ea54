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
        ("file.read and file.write", ["plugins/file/"]),
        ("http.fetch and webhook.send", ["plugins/http/", "Sources/RunnelHTTP/"]),
        ("log", ["plugins/log/"]),
        ("template", ["plugins/template/"]),
        ("transform", ["plugins/transform/"]),
        ("schedule", ["plugins/schedule/"]),
        ("watch", ["plugins/watch/"]),
        ("webhook", ["plugins/webhook/"]),
        ("Plugins in other languages", ["Sources/RunnelProcess/"]),
        ("Tests of pipelines", ["Sources/PipelineTesting/"]),
        ("The API of a server", ["Sources/RunnelServer/"]),
        ("The command line", ["Sources/RunnelCLI/"]),
    ]

    static func entries() throws -> [ErrorEntry] {
        let files = try Project.files(in: "Sources", suffix: ".swift") + Project.files(in: "plugins", suffix: ".swift")
        var found: [String: [String: (sentences: [String], hints: [String])]] = [:]
        for file in files {
            guard let part = parts.first(where: { $0.folders.contains { file.hasPrefix($0) } })?.title else { continue }
            let text = try Project.text(file)
            let uses =
                SwiftArguments.all(in: text).flatMap(ErrorUse.all) + ErrorUse.assigned(in: text)
                + DocumentedCode.all(in: text)
            for use in uses {
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
}
