/// `errors.md`: every code, by the part that gives it.
enum ErrorsPage {
    static func text(_ entries: [ErrorEntry]) -> String {
        var parts: [String] = []
        for entry in entries where !parts.contains(entry.part) { parts.append(entry.part) }
        let list = parts.map { "- [\($0)](#\(Markdown.anchor($0)))\n" }.joined()
        let sections = parts.map { part in
            "\n## \(part)\n\n"
                + Markdown.table(
                    ["code", "what is said", "what to do"],
                    entries.filter { $0.part == part }.map { entry in
                        [Markdown.code(entry.code), cell(entry.sentences), cell(entry.hints)]
                    })
        }
        return """
            # Error codes

            Every error has a code that stays the same from release to release. `runnel validate` prints it behind the
            sentence in brackets, `--json` and the API carry it as `code`, and steps of `on_failure` find it as `{{
            error.code }}`. `…` stands for what differs from case to case. A plugin of your own may give codes that are
            not listed here.

            \(list)
            """ + sections.joined()
    }

    private static func cell(_ sentences: [String]) -> String {
        sentences.map(escaped).joined(separator: "<br>")
    }

    /// Without tags of HTML; in a code span there are none.
    private static func escaped(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0.offset % 2 == 0 ? String($0.element).replacing("<", with: "&lt;") : String($0.element) }
            .joined(separator: "`")
    }
}
