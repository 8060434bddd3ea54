import RunnelReference

/// Writes the catalogue of errors as Swift, one file for each part.
enum CatalogSource {
    static let folder = "Sources/RunnelReference/Errors/Catalog"

    static func files(_ entries: [ErrorEntry]) -> [String: String] {
        var parts: [String] = []
        for entry in entries where !parts.contains(entry.part) { parts.append(entry.part) }
        var files: [String: String] = [:]
        for part in parts {
            files["ErrorCatalog+\(name(part, isUpper: true)).swift"] = """
                // swift-format-ignore-file
                // Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
                extension ErrorCatalog {
                    static let \(name(part)): [ErrorEntry] = [
                \(entries.filter { $0.part == part }.map(text).joined(separator: "\n"))
                    ]
                }

                """
        }
        files["ErrorCatalog+Parts.swift"] = """
            // swift-format-ignore-file
            // Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
            extension ErrorCatalog {
                static let parts: [[ErrorEntry]] = [
            \(parts.map { "        \(name($0))," }.joined(separator: "\n"))
                ]
            }

            """
        return files
    }

    private static func text(_ entry: ErrorEntry) -> String {
        let hints = entry.hints.isEmpty ? "" : ",\n            hints: \(list(entry.hints))"
        return """
                    ErrorEntry(
                        \(literal(entry.code)), part: \(literal(entry.part)),
                        sentences: \(list(entry.sentences))\(hints)),
            """
    }

    /// One line where it fits.
    private static func list(_ texts: [String]) -> String {
        let line = "[\(texts.map(literal).joined(separator: ", "))]"
        guard line.count > 80, texts.count > 1 else { return line }
        return "[\n" + texts.map { "                \(literal($0)),\n" }.joined() + "            ]"
    }

    private static func literal(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// `Pipeline files` as `pipelineFiles`.
    private static func name(_ part: String, isUpper: Bool = false) -> String {
        let words = part.split { !$0.isLetter }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        return isUpper ? words : words.prefix(1).lowercased() + words.dropFirst()
    }
}
