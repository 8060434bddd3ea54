internal import RunnelKit

/// Warns of valid patterns of a `watch` that match no file or every file.
struct PatternAdvice {
    let folder: FilePath
    let include: [Glob]
    let exclude: [Glob]
    let temporary: [Glob]
    let isRecursive: Bool
    let takesHidden: Bool
    let ignoresCase: Bool

    var warnings: [FieldError] { folderIsPattern + includeMatchesNothing + excludeMatchesAll }

    private var folderIsPattern: [FieldError] {
        guard folder.text.contains("*") else { return [] }
        return [
            FieldError(
                "in the folder name \(Value.string(folder.text).quoted()), \"*\" is not a wildcard",
                hint: "name the folder, and list patterns under `include`", path: [.key("path")])
        ]
    }

    private var includeMatchesNothing: [FieldError] {
        include.enumerated().compactMap { index, glob in
            guard let (reason, hint) = obstacle(for: glob) else { return nil }
            return FieldError(
                "no file matches \(Value.string(glob.text).quoted()): \(reason)", hint: hint,
                path: [.key("include"), .index(index)])
        }
    }

    private var excludeMatchesAll: [FieldError] {
        exclude.enumerated().filter { ["*", "**", "**/*"].contains($1.text) }.map { index, glob in
            FieldError(
                "\"\(glob.text)\" matches every file, so none is left", hint: "leave it out",
                path: [.key("exclude"), .index(index)])
        }
    }

    /// Why no file can match the pattern, and what to do.
    private func obstacle(for glob: Glob) -> (reason: String, hint: String)? {
        let names = FilePath(glob.text).parts.filter { $0 != "." && $0 != "**" }
        if !isRecursive, names.count > 1 {
            let isFromProject = !folder.isProject && names.starts(with: folder.parts)
            return (
                "the folders in \"\(folder.shown)\" are not watched",
                isFromProject ? "patterns begin below \"\(folder.shown)\"" : "set `recursive: true`"
            )
        }
        if !takesHidden, names.contains(where: { $0.hasPrefix(".") }) {
            return ("names that begin with a dot are ignored", "set `hidden: true`")
        }
        if exclude.contains(where: { hasSameText($0, glob) }) {
            return ("`exclude` has the same pattern", "leave one of them out")
        }
        if temporary.contains(where: { hasSameText($0, glob) }) {
            return ("`temporary` has the same pattern", "list other names of unfinished files under `temporary`")
        }
        return nil
    }

    private func hasSameText(_ pattern: Glob, _ other: Glob) -> Bool {
        ignoresCase ? pattern.text.lowercased() == other.text.lowercased() : pattern.text == other.text
    }
}
