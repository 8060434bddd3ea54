internal import RunnelKit

/// Decides which files of the watched folder are processed.
struct FileFilter: Sendable {
    /// The watched folder.
    var root: FilePath
    var include: [Glob]
    var exclude: [Glob]
    /// Name patterns of unfinished files.
    var temporary: [Glob]
    /// Whether names that begin with a dot are included.
    var takesHidden: Bool
    /// Folders that the trigger itself moves files into.
    var ownFolders: [FilePath]
    /// Places that pipelines must not touch.
    var protected = ProtectedPlaces.standard

    /// The prefix of the trigger's own temporary files.
    static let ownPrefix = ".runnel-"

    func takes(file path: FilePath) -> Bool {
        guard let names = names(path), allows(path, names) else { return false }
        if temporary.contains(where: { $0.matches(names) }) { return false }
        return include.isEmpty || include.contains { $0.matches(names) }
    }

    /// Whether files in the folder, or in folders below it, can match.
    func enters(folder path: FilePath) -> Bool {
        guard path != root else { return true }
        guard let names = names(path) else { return false }
        return allows(path, names)
    }

    private func allows(_ path: FilePath, _ names: [[Unicode.Scalar]]) -> Bool {
        guard let name = names.last else { return false }
        if name.starts(with: Self.ownPrefix.unicodeScalars) { return false }
        if !takesHidden, name.first == "." { return false }
        if ownFolders.contains(where: path.isWithin) || protected.contains(path.parts) { return false }
        return !exclude.contains { $0.matches(names) }
    }

    private func names(_ path: FilePath) -> [[Unicode.Scalar]]? {
        path.relative(to: root)?.parts.map { Array($0.unicodeScalars) }
    }
}

/// A folder of the project, as written in a pipeline.
struct FolderPath: FieldValue, Hashable {
    let path: FilePath

    static var schema: Value { ["type": "string", "minLength": 1, "format": "project-path"] }

    init(_ text: String) throws(FieldError) {
        guard !text.isEmpty else { throw FieldError("the path is empty") }
        guard !text.utf8.contains(0) else {
            throw FieldError("the path \(Value.string(text).quoted()) holds a NUL character")
        }
        guard !text.hasPrefix("/") else {
            throw FieldError(
                "\"\(text)\" is an absolute path",
                hint: "name a folder of the project, relative to the project's folder")
        }
        var parts: [String] = []
        for part in FilePath(text).parts where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                throw FieldError(
                    "\"\(text)\" leads out of the project", hint: "only folders of the project can be watched")
            }
        }
        path = FilePath(parts.joined(separator: "/"))
    }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a folder such as \"inbox\"", found: value) }
        try self.init(text)
    }

    /// Creates a default; `name` is a single path component.
    init(name: StaticString) {
        path = FilePath("\(name)")
    }

    var fieldDefault: Value? { .string(path.shown) }
}

extension FilePath {
    /// The path for messages; `.` is the project's folder.
    var shown: String { isProject ? "." : text }
}
