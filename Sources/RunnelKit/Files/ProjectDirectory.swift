internal import LibC

/// Where a project's relative paths begin, and what of it a pipeline may touch.
public struct ProjectDirectory: Sendable, Hashable {
    /// Absolute, without a slash at the end.
    public let path: String
    /// Files that were named on the command line, which may be read wherever they are. Absolute.
    public let grantedFiles: Set<String>
    /// What no pipeline touches.
    public let protected: ProtectedPlaces
    /// Symbolic links of the project that are followed, relative to it: what they lead to may lie outside. All others are
    /// refused.
    public let followedLinks: Set<String>

    /// A project; see the properties.
    public init(
        path: String, grantedFiles: Set<String> = [], protected: ProtectedPlaces = .standard,
        followedLinks: Set<String> = []
    ) {
        self.followedLinks = followedLinks
        self.path = path
        self.grantedFiles = grantedFiles
        self.protected = protected
    }

    /// The path from the root of a file or folder that a step may touch.
    ///
    /// Symbolic links on the way are refused, as `file.read` and `file.write` refuse them, and so are other names of a
    /// protected place. Nothing that a pipeline does makes links, so only another program could put one there before the
    /// path is used.
    /// - Throws: A ``StepError`` with the code `bad-path`, `path-outside`, `path-protected` or `path-is-link`.
    public func absolutePath(of path: ProjectPath) throws(StepError) -> String {
        if grantedFiles.contains(path.text) { return path.text }
        let confined = try confined(path.text)
        try confined.checkOnDisk()
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
    /// Refuses a path that leads through a symbolic link, or to a protected place under another name. What is not there
    /// yet is not checked.
    package func checkOnDisk() throws(StepError) {
        if Self.meetsLink(parts, below: base, except: followedLinks) { throw Self.link(text) }
        let aliases = ProtectedAliases(of: self)
        var current = base
        for (index, part) in parts.enumerated() {
            current += "/" + part
            var status = stat()
            guard stat(current, &status) == 0 else { return }
            if let error = aliases.error(status, at: index) { throw error }
        }
    }

    /// Whether one of the names that lead from a folder to a file is a symbolic link.
    ///
    /// - Parameter links: Links that are followed, relative to the folder.
    package static func meetsLink(
        _ parts: some Sequence<String>, below folder: String, except links: Set<String> = []
    ) -> Bool {
        var current = folder
        var path = ""
        for part in parts {
            current += "/" + part
            path += path.isEmpty ? part : "/" + part
            if links.contains(path) { continue }
            var status = stat()
            guard lstat(current, &status) == 0 else { return false }
            if status.st_mode & S_IFMT == S_IFLNK { return true }
        }
        return false
    }

    package static func link(_ path: String) -> StepError {
        StepError(
            StepErrorCode.pathIsLink, "\"\(path)\" leads through a symbolic link",
            hint: "links are not followed, so that nothing outside the project is touched, unless `files.links` in "
                + "runnel.yaml names them")
    }
}

/// Files of the project, read and written without leaving it.
///
/// Each folder on the way is opened by itself and held, and a symbolic link is refused, so that nobody can put one there
/// between the check and the use (TOCTOU).
extension ProjectDirectory {
    /// Reads a file. One that was named on the command line is read wherever it is.
    ///
    /// - Parameters:
    ///   - path: Relative to the project, or absolute.
    ///   - limit: A larger file is an error, and not read to its end.
    /// - Throws: A ``StepError`` when the file is missing, protected, outside of the project or behind a link, too large
    ///   (`file-too-large`), or cannot be read.
    public func read(_ path: String, upTo limit: ByteCount = .mebibytes(64)) throws(StepError) -> ProjectFile {
        try location(of: path).read(limit: limit)
    }

    /// Reads a file as text, without its byte order mark.
    ///
    /// - Throws: As ``read(_:upTo:)``; also where it is not UTF-8 (`not-utf8`).
    public func text(of path: String, upTo limit: ByteCount = .mebibytes(16)) throws(StepError) -> String {
        let file = try read(path, upTo: limit)
        do throws(StepError) { return try file.text() } catch {
            throw StepError(reported: error.code, error.message, hint: "save the file as UTF-8")
        }
    }

    /// The path of a file below the project's folder, or below a folder of it.
    ///
    /// - Parameters:
    ///   - path: Relative to the folder, or absolute.
    ///   - folder: Where the path begins and what it cannot leave; the project's folder unless given.
    /// - Throws: A ``StepError`` with the code `bad-path`, `path-outside` or `path-protected`, or `file-is-folder` for the
    ///   folder itself and for a path that can only be a folder, such as `out/`.
    public func confinedFile(_ path: String, in folder: String? = nil) throws(StepError) -> ConfinedPath {
        let confined = try confined(path, in: folder)
        guard
            !["/", "/.", "/.."].contains(where: { path.hasSuffix($0) }),
            folder == nil
                ? !confined.parts.isEmpty : confined.parts.count > (try self.confined(folder ?? "").parts.count)
        else { throw StepError(StepErrorCode.fileIsFolder, "\"\(path)\" is a folder", hint: "name a file in it") }
        return confined
    }

    /// Writes a file so that a reader sees all of it or nothing, and a power cut cannot undo it. Missing folders are
    /// made.
    ///
    /// - Parameters:
    ///   - path: Relative to the project, or absolute.
    ///   - bytes: The content.
    ///   - existing: What becomes of a file that has the path already. One that is replaced gives its permissions to
    ///     the new one.
    ///   - runID: The run that writes: what a process that was killed left of it is replaced.
    /// - Returns: Whether the file was written.
    /// - Throws: A ``StepError``: `path-is-link`, `file-exists`, `disk-full` and others of the system.
    @discardableResult
    public func write(
        _ bytes: [UInt8], to path: ConfinedPath, ifExists existing: ExistingFile = .overwrite, runID: String
    ) throws(StepError) -> Bool {
        guard let draft = try draft(of: path, ifExists: existing, runID: runID) else { return false }
        try draft.write(bytes)
        return try draft.finish()
    }

    /// Writes a file as ``write(_:to:ifExists:runID:)`` does, for a step that may lose its run meanwhile.
    ///
    /// - Parameters:
    ///   - bytes: The whole content.
    ///   - path: The file.
    ///   - existing: What happens to a file that is there.
    ///   - runID: The run, for the name of the temporary file.
    ///   - checkOwnership: Called right before the file gets its name; see ``StepContext/checkOwnership()``.
    /// - Returns: False where the file that is there is kept.
    /// - Throws: A ``StepError``, and what `checkOwnership` throws.
    @discardableResult
    public func write(
        _ bytes: [UInt8], to path: ConfinedPath, ifExists existing: ExistingFile = .overwrite, runID: String,
        checkOwnership: () throws -> Void
    ) throws -> Bool {
        guard let draft = try draft(of: path, ifExists: existing, runID: runID) else { return false }
        try draft.write(bytes)
        return try draft.finish(checkOwnership: checkOwnership)
    }

    /// Begins a file that is written piece by piece, for content that is too large for the memory.
    ///
    /// - Returns: nil where the file that is there is kept.
    /// - Throws: A ``StepError``, as ``write(_:to:ifExists:runID:)``, whose parameters it has.
    public func draft(
        of path: ConfinedPath, ifExists existing: ExistingFile = .overwrite, runID: String
    ) throws(StepError) -> FileDraft? {
        let target = try FileTarget(path, existing: existing)
        if target.isTaken, try !target.refuse() { return nil }
        return try FileDraft(target, runID: runID)
    }

    /// Whether an interrupted attempt has given its draft the name of the file. Otherwise the file, if there is one, is
    /// another's. What else the attempt has left is removed.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - checkpoint: That of ``FileDraft/checkpoint()``.
    /// - Throws: A ``StepError``, as ``write(_:to:ifExists:runID:)``.
    public func hasWritten(_ path: ConfinedPath, as checkpoint: Value) throws(StepError) -> Bool {
        try FileTarget(path, existing: .fail).isWritten(as: checkpoint)
    }

    /// Adds to the end of a file in one write, and brings it to the disk. Missing folders and a missing file are made.
    ///
    /// - Throws: A ``StepError``, as ``write(_:to:ifExists:runID:)``.
    public func append(_ bytes: [UInt8], to path: ConfinedPath) throws(StepError) {
        try FileTarget(path, existing: .overwrite).append(bytes)
    }

    private func location(of path: String) throws(StepError) -> ProjectFileReader {
        if grantedFiles.contains(path) { return ProjectFileReader(granted: path) }
        return ProjectFileReader(path: try confinedFile(path))
    }
}

/// What becomes of a file that is to be written and exists already.
public struct ExistingFile: Sendable, Hashable {
    private let name: String

    /// It is replaced.
    public static let overwrite = ExistingFile(name: "overwrite")
    /// It stays, and nothing is written.
    public static let keep = ExistingFile(name: "keep")
    /// Writing fails with the code `file-exists`.
    public static let fail = ExistingFile(name: "fail")
}
