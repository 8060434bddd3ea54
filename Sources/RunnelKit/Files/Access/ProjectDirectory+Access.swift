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
        try read(path, upTo: limit).text()
    }

    /// The path of a file below the project's folder, or below a folder of it.
    ///
    /// - Parameters:
    ///   - path: Relative to the folder, or absolute.
    ///   - folder: Where the path begins and what it cannot leave; the project's folder unless given.
    /// - Throws: A ``StepError`` with the code `bad-path`, `path-outside` or `path-protected`, or `file-is-folder` for a
    ///   path that leads to the folder itself.
    public func confinedFile(_ path: String, in folder: String? = nil) throws(StepError) -> ConfinedPath {
        let confined = try confined(path, in: folder)
        guard
            folder == nil
                ? !confined.parts.isEmpty : confined.parts.count > (try self.confined(folder ?? "").parts.count)
        else { throw StepError("file-is-folder", "\"\(path)\" is a folder", hint: "name a file in it") }
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
        let folder = try ConfinedFolder(of: path, makesFolders: true, action: "write")
        return try AtomicWriter(path: path, runID: runID).write(bytes, in: folder, existing: existing)
    }

    /// Adds to the end of a file in one write, and brings it to the disk. Missing folders and a missing file are made.
    ///
    /// - Throws: A ``StepError``, as ``write(_:to:ifExists:runID:)``.
    public func append(_ bytes: [UInt8], to path: ConfinedPath) throws(StepError) {
        let folder = try ConfinedFolder(of: path, makesFolders: true, action: "write")
        try AtomicWriter.append(bytes, to: path, in: folder)
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
