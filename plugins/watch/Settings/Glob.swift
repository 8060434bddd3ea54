internal import RunnelKit

/// A pattern for files: `*` and `?` within a name, `[a-z]` and `[!a-z]` for one character, `**` for any folders.
///
/// A pattern without a slash speaks of the name, in whatever folder; one with a slash of the path below the watched
/// folder.
struct Glob: Sendable, Hashable {
    let text: String
    private let parts: [NamePattern]
    private let isAnywhere: Bool

    init(_ text: String) throws(FieldError) {
        self.text = text
        guard !text.isEmpty else { throw FieldError("the pattern is empty") }
        guard !text.hasPrefix("/") else {
            throw FieldError(
                "the pattern \"\(text)\" begins with a slash",
                hint: "patterns begin at the watched folder: \"\(text.drop { $0 == "/" })\"")
        }
        guard !text.contains("{") || text.contains("[{]") else {
            throw FieldError(
                "the pattern \"\(text)\" holds a brace", hint: "list the alternatives: [\"*.txt\", \"*.md\"]")
        }
        var parts: [NamePattern] = []
        for part in text.utf8.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            let part = String(decoding: part, as: UTF8.self)
            guard part != ".." else { throw FieldError("the pattern \"\(text)\" leads out of the watched folder") }
            guard let pattern = NamePattern(part) else {
                throw FieldError(
                    "the pattern \"\(text)\" has a \"[\" without its \"]\"", hint: "write [[] for the sign")
            }
            parts.append(pattern)
        }
        guard !parts.isEmpty else { throw FieldError("the pattern \"\(text)\" names nothing") }
        self.parts = parts
        isAnywhere = !text.utf8.contains(UInt8(ascii: "/"))
    }

    /// - Parameter names: The parts of a path below the watched folder.
    func matches(_ names: [[Unicode.Scalar]]) -> Bool {
        guard let name = names.last else { return false }
        // A lone `**` means everything.
        if isAnywhere { return parts[0].isAnyFolders || parts[0].matches(name) }
        return Self.matches(parts[...], names[...])
    }

    /// The last `**` is the only one that has to be tried again, so the work is at most parts times names.
    private static func matches(_ parts: ArraySlice<NamePattern>, _ names: ArraySlice<[Unicode.Scalar]>) -> Bool {
        var (part, name) = (parts.startIndex, names.startIndex)
        var retry: (part: Int, name: Int)?
        while name < names.endIndex {
            if part < parts.endIndex, parts[part].isAnyFolders {
                retry = (part + 1, name)
                part += 1
            } else if part < parts.endIndex, parts[part].matches(names[name]) {
                part += 1
                name += 1
            } else if let mark = retry {
                retry = (mark.part, mark.name + 1)
                (part, name) = (mark.part, mark.name + 1)
            } else {
                return false
            }
        }
        return parts[part...].allSatisfy(\.isAnyFolders)
    }
}

extension Glob: FieldValue {
    static var schema: Value { ["type": "string", "minLength": 1] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a pattern such as \"*.txt\"", found: value) }
        try self.init(text)
    }

    var fieldDefault: Value? { .string(text) }
}
