internal import LibC

/// Where a project's relative paths begin, and what of it a pipeline may touch.
public struct ProjectDirectory: Sendable, Hashable {
    /// Absolute, without a slash at the end.
    public let path: String
    /// Files that were named on the command line, which may be read wherever they are. Absolute.
    public let grantedFiles: Set<String>
    /// What no pipeline touches.
    public let protected: ProtectedPlaces

    /// A project; see the properties.
    public init(path: String, grantedFiles: Set<String> = [], protected: ProtectedPlaces = .standard) {
        self.path = path
        self.grantedFiles = grantedFiles
        self.protected = protected
    }

    /// The path from the root of a file or folder that a step may touch.
    ///
    /// Symbolic links on the way are refused, as `file.read` and `file.write` refuse them. Nothing that a pipeline does
    /// makes links, so only another program could put one there before the path is used.
    /// - Throws: A ``StepError`` with the code `bad-path`, `path-outside`, `path-protected` or `path-is-link`.
    public func absolutePath(of path: ProjectPath) throws(StepError) -> String {
        if grantedFiles.contains(path.text) { return path.text }
        let confined = try confined(path.text)
        if ConfinedPath.meetsLink(confined.parts, below: self.path) { throw ConfinedPath.link(confined.text) }
        return ([self.path] + confined.parts).joined(separator: "/")
    }

    /// The path below the project's folder.
    ///
    /// - Parameters:
    ///   - path: As it stands in the pipeline, once its templates are rendered.
    ///   - folder: A folder of the project that the path begins at and cannot leave either.
    /// - Throws: A ``StepError`` with the code `bad-path`, `path-outside` or `path-protected`.
    public func confined(_ path: String, in folder: String? = nil) throws(StepError) -> ConfinedPath {
        try ConfinedPath(path, in: folder, of: self)
    }
}

extension ConfinedPath {
    /// Whether one of the names that lead from a folder to a file is a symbolic link.
    package static func meetsLink(_ parts: some Sequence<String>, below folder: String) -> Bool {
        var current = folder
        for part in parts {
            current += "/" + part
            var status = stat()
            guard lstat(current, &status) == 0 else { return false }
            if status.st_mode & S_IFMT == S_IFLNK { return true }
        }
        return false
    }

    package static func link(_ path: String) -> StepError {
        StepError(
            "path-is-link", "\"\(path)\" leads through a symbolic link",
            hint: "links are not followed, so that nothing outside the project is touched")
    }
}
