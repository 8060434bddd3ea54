import RunnelKit

/// A path that stays below a folder: its parts, none of them `..`.
struct ConfinedPath {
    /// The folder it is confined to, absolute.
    let base: String
    let parts: [String]

    /// - Parameter folder: A folder below `base`, or at it, that the path begins at and cannot leave either.
    /// - Throws: A ``StepError`` for a path that is empty, holds NUL, or leads out of its folder.
    init(_ path: String, in folder: String? = nil, base: String) throws(StepError) {
        self.base = base
        var parts: [String] = []
        if let folder {
            parts = try Self.parts(of: folder, below: base, shownAs: base)
            let inner = parts.isEmpty ? base : Self.joined(base, parts.joined(separator: "/"))
            parts += try Self.parts(of: path, below: inner, shownAs: folder, isFile: true)
        } else {
            parts = try Self.parts(of: path, below: base, shownAs: base, isFile: true)
        }
        self.parts = parts
    }

    /// Relative to the base.
    var text: String { parts.joined(separator: "/") }
    var name: String { parts.last ?? "" }
    var folders: ArraySlice<String> { parts.dropLast() }

    /// Works on bytes, as the system does: a slash separates, also where Swift sees one character in it and the
    /// combining mark behind it.
    private static func parts(
        of path: String, below base: String, shownAs shownBase: String, isFile: Bool = false
    ) throws(StepError) -> [String] {
        guard !path.isEmpty else { throw StepError("bad-path", "the path is empty") }
        guard !path.utf8.contains(0) else {
            throw StepError("bad-path", "the path \(Value.string(path).quoted()) holds a NUL character")
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
        if isFile, parts.isEmpty {
            throw StepError("file-is-folder", "\"\(path)\" is a folder", hint: "name a file in it")
        }
        return parts
    }

    private static func joined(_ folder: String, _ path: String) -> String {
        folder.utf8.last == UInt8(ascii: "/") ? folder + path : folder + "/" + path
    }

    private static func outside(_ path: String, _ base: String) -> StepError {
        StepError(
            "path-outside", "\"\(path)\" leads out of \"\(base)\"",
            hint: "files are read and written below the project's folder only")
    }
}
