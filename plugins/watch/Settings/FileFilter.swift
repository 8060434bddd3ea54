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
    /// ``include`` without regard to case, to tell of files that differ from it only by that.
    private let includeIgnoringCase: [Glob]

    init(
        root: FilePath, include: [Glob] = [], exclude: [Glob] = [], temporary: [Glob] = [], takesHidden: Bool = false,
        ownFolders: [FilePath] = [], protected: ProtectedPlaces = .standard, ignoresCase: Bool = false
    ) {
        func patterns(_ globs: [Glob]) -> [Glob] { ignoresCase ? globs.map { $0.ignoringCase() } : globs }
        self.root = root
        self.include = patterns(include)
        self.exclude = patterns(exclude)
        self.temporary = patterns(temporary)
        self.takesHidden = takesHidden
        self.ownFolders = ownFolders
        self.protected = protected
        includeIgnoringCase = ignoresCase ? [] : include.map { $0.ignoringCase() }
    }

    /// Why a file of the watched folder is processed or not.
    enum Verdict: Hashable {
        case taken
        /// It matches no pattern of `include`.
        case unmatched
        /// It would match this pattern of `include` if upper and lower case were the same.
        case differsByCase(pattern: String)
        /// It is meant to be ignored: excluded, hidden, temporary, protected, or in another folder.
        case ignored
    }

    /// The prefix of the trigger's own temporary files.
    static let ownPrefix = ".runnel-"

    func takes(file path: FilePath) -> Bool { verdict(on: path) == .taken }

    func verdict(on path: FilePath) -> Verdict {
        guard let names = names(path), allows(path, names), !temporary.contains(where: { $0.matches(names) }) else {
            return .ignored
        }
        if include.isEmpty || include.contains(where: { $0.matches(names) }) { return .taken }
        return includeIgnoringCase.first { $0.matches(names) }.map { .differsByCase(pattern: $0.text) } ?? .unmatched
    }

    /// Whether files in the folder, or in folders below it, can match.
    func enters(folder path: FilePath) -> Bool {
        guard path != root else { return true }
        guard let names = names(path) else { return false }
        return allows(path, names)
    }

    private func allows(_ path: FilePath, _ names: [[Character]]) -> Bool {
        guard let name = names.last else { return false }
        if name.starts(with: Self.ownPrefix) { return false }
        if !takesHidden, name.first == "." { return false }
        if ownFolders.contains(where: path.isWithin) || protected.contains(path.parts) { return false }
        return !exclude.contains { $0.matches(names) }
    }

    private func names(_ path: FilePath) -> [[Character]]? {
        path.relative(to: root)?.parts.map { Array($0) }
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
                hint:
                    "name a folder of the project, relative to the project's folder; for one outside, make a link to it "
                    + "in the project and name that link in `files.links` in runnel.yaml")
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
