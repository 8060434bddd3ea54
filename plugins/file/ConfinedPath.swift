import RunnelKit

/// A path that stays below a folder: its parts, none of them `..`.
struct ConfinedPath {
    /// The folder it is confined to, absolute.
    let base: String
    let parts: [String]

    /// - Throws: A ``StepError`` for a path that is empty, holds NUL, or leads out of `base`.
    init(_ path: String, base: String) throws(StepError) {
        self.base = base
        guard !path.isEmpty else { throw StepError("bad-path", "the path is empty") }
        guard !path.utf8.contains(0) else {
            throw StepError("bad-path", "the path \(Value.string(path).quoted()) holds a NUL character")
        }
        var rest = path[...]
        if path.hasPrefix("/") {
            guard path == base || path.hasPrefix(base.hasSuffix("/") ? base : base + "/") else {
                throw Self.outside(path, base)
            }
            rest = path.dropFirst(base.count)
        }
        var parts: [String] = []
        for part in rest.split(separator: "/") where part != "." {
            guard part != ".." else {
                guard parts.popLast() != nil else { throw Self.outside(path, base) }
                continue
            }
            parts.append(String(part))
        }
        guard !parts.isEmpty else {
            throw StepError("file-is-folder", "\"\(path)\" is a folder", hint: "name a file in it")
        }
        self.parts = parts
    }

    /// Relative to the base.
    var text: String { parts.joined(separator: "/") }
    var name: String { parts.last ?? "" }
    var folders: ArraySlice<String> { parts.dropLast() }

    static func outside(_ path: String, _ base: String) -> StepError {
        StepError(
            "path-outside", "\"\(path)\" leads out of \"\(base)\"",
            hint: "files are read and written below the project's folder only")
    }
}
