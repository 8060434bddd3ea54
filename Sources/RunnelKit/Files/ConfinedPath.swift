/// A path that stays below a project's folder: its parts, none of them `..`.
///
/// Text alone is looked at. Whoever opens the file still has to refuse symbolic links; see
/// ``ProjectDirectory/absolutePath(of:)``.
public struct ConfinedPath: Sendable, Hashable {
    /// The folder that it is confined to, absolute.
    public let base: String
    /// The names that lead from the base to the file; empty for the base itself.
    public let parts: [String]
    /// What the path must not lead to under another name either.
    package let protected: ProtectedPlaces
    /// See ``ProjectDirectory/followedLinks``.
    package let followedLinks: Set<String>

    /// - Parameter folder: A folder below the project's, or at it, that the path begins at and cannot leave either.
    /// - Throws: A ``StepError`` for a path that is empty, holds NUL, or leads out of its folder or into a protected place.
    package init(_ path: String, in folder: String? = nil, of project: ProjectDirectory) throws(StepError) {
        base = project.path
        protected = project.protected
        followedLinks = project.followedLinks
        if let folder {
            let outer = try Self.parts(of: folder, below: base, shownAs: base)
            let inner = outer.isEmpty ? base : Self.joined(base, outer.joined(separator: "/"))
            parts = outer + (try Self.parts(of: path, below: inner, shownAs: folder))
        } else {
            parts = try Self.parts(of: path, below: base, shownAs: base)
        }
        if let place = protected.place(of: parts) { throw place.error(text) }
    }

    /// Relative to the base.
    public var text: String { parts.joined(separator: "/") }
    /// The last name; empty for the base itself.
    public var name: String { parts.last ?? "" }
    /// The folders between the base and the file.
    public var folders: ArraySlice<String> { parts.dropLast() }

    /// Works on bytes, as the system does: a slash separates, also where Swift sees one character in it and the
    /// combining mark behind it.
    private static func parts(
        of path: String, below base: String, shownAs shownBase: String
    ) throws(StepError) -> [String] {
        guard !path.isEmpty else { throw StepError(StepErrorCode.badPath, "the path is empty") }
        guard !path.utf8.contains(0) else {
            throw StepError(StepErrorCode.badPath, "the path \(Value.string(path).quoted()) holds a NUL character")
        }
        var rest = path.utf8[...]
        if rest.first == UInt8(ascii: "/") {
            guard rest.elementsEqual(base.utf8) || rest.starts(with: joined(base, "").utf8) else {
                throw outside(path, shownBase)
            }
            rest = rest.dropFirst(base.utf8.count)
        }
        var parts: [String] = []
        for bytes in rest.split(separator: UInt8(ascii: "/")) {
            let part = String(decoding: bytes, as: UTF8.self)
            if part == "." { continue }
            guard part == ".." else {
                parts.append(part)
                continue
            }
            guard parts.popLast() != nil else { throw outside(path, shownBase) }
        }
        return parts
    }

    private static func joined(_ folder: String, _ path: String) -> String {
        folder.utf8.last == UInt8(ascii: "/") ? folder + path : folder + "/" + path
    }

    private static func outside(_ path: String, _ base: String) -> StepError {
        StepError(
            StepErrorCode.pathOutside,
            "\"\(path)\" leads out of " + (base.isEmpty ? "the project's folder" : "\"\(base)\""),
            hint: "files are read and written below the project's folder only")
    }
}

extension ConfinedPath {
    /// Checks what a template filled into the path: it stays in the last whole folder of `prefix`, and the name there
    /// begins with the rest of it.
    ///
    /// - Parameters:
    ///   - path: As it was rendered.
    ///   - prefix: The literal text before the template's first expression.
    ///   - folder: As in ``init(_:in:of:)``.
    package func check(
        _ path: String, staysBelow prefix: String, in folder: String?, of project: ProjectDirectory
    ) throws(StepError) {
        let slash = prefix.utf8.lastIndex(of: UInt8(ascii: "/"))
        let outer = slash.map { String(decoding: prefix.utf8[...$0], as: UTF8.self) }
        let name = slash.map { prefix.utf8[$0...].dropFirst() } ?? prefix.utf8[...]
        let start: [String]
        if let outer {
            start = try ConfinedPath(outer, in: folder, of: project).parts
        } else if let folder {
            start = try ConfinedPath(folder, of: project).parts
        } else {
            start = []
        }
        // By bytes: names that only look the same are two folders.
        let isInside = parts.count >= start.count && zip(parts, start).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
        let isBelow = outer == nil && name.isEmpty || parts.count > start.count
        let hint = "what a template fills in stays below the part of the path that stands before it"
        guard isInside, isBelow else {
            throw StepError(
                StepErrorCode.pathOutside,
                "\"\(path)\" leads out of \"\(outer.map { Self.trimmed($0) } ?? folder ?? base)\"",
                hint: hint)
        }
        guard name.isEmpty || parts[start.count].utf8.starts(with: name) else {
            throw StepError(StepErrorCode.pathOutside, "\"\(path)\" does not begin with \"\(prefix)\"", hint: hint)
        }
    }

    private static func trimmed(_ folder: String) -> String {
        folder.utf8.count > 1 ? String(decoding: folder.utf8.dropLast(), as: UTF8.self) : folder
    }
}
