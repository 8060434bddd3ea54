/// A pattern for files: `*` and `?` within a name, `[a-z]` and `[!a-z]` for one character, `**` for any folders.
///
/// Characters are compared by canonical equivalence: a name in decomposed form (NFD), as macOS writes them, matches the
/// pattern in composed form (NFC). The time to match is linear in the pattern times the path, whatever both are.
public struct Glob: Sendable, Hashable {
    /// As it was written.
    public private(set) var text: String
    private let parts: [NamePattern]
    private let isAnywhere: Bool
    private var ignoresCase = false

    /// - Throws: A ``FieldError`` for a pattern that is empty, begins with a slash, leads out of its folder with `..`,
    ///   has a `[` without its `]`, or holds a brace, which other dialects read as alternatives.
    public init(_ text: String) throws(FieldError) {
        self.text = text
        guard !text.isEmpty else { throw FieldError("the pattern is empty") }
        guard !text.hasPrefix("/") else {
            throw FieldError(
                "the pattern \"\(text)\" begins with a slash",
                hint: "write it relative to the folder: \"\(text.drop { $0 == "/" })\"")
        }
        guard !text.contains("{") || text.contains("[{]") else {
            throw FieldError(
                "the pattern \"\(text)\" holds a brace", hint: "list the alternatives: [\"*.txt\", \"*.md\"]")
        }
        var parts: [NamePattern] = []
        for part in text.utf8.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
            let part = String(decoding: part, as: UTF8.self)
            guard part != ".." else { throw FieldError("the pattern \"\(text)\" leads out of its folder") }
            guard let pattern = NamePattern(part) else {
                throw FieldError(
                    "the pattern \"\(text)\" has a \"[\" without \"]\"", hint: "write [[] for a literal \"[\"")
            }
            parts.append(pattern)
        }
        guard !parts.isEmpty else { throw FieldError("the pattern \"\(text)\" matches nothing") }
        self.parts = parts
        isAnywhere = !text.utf8.contains(UInt8(ascii: "/"))
    }

    /// The same pattern, without regard to upper and lower case.
    public func ignoringCase() -> Glob {
        guard var copy = try? Glob(Self.folded(text)) else { return self }
        copy.text = text
        copy.ignoresCase = true
        return copy
    }

    private static func folded(_ text: String) -> String { text.uppercased().lowercased() }

    /// Whether the pattern matches a path; one without a slash speaks of the name, in whatever folder.
    /// - Parameter names: The parts of a path below the pattern's folder.
    public func matches(_ names: [[Character]]) -> Bool {
        let names = ignoresCase ? names.map { Array(Self.folded(String($0))) } : names
        guard let name = names.last else { return false }
        // A lone `**` means everything.
        if isAnywhere { return parts[0].isAnyFolders || parts[0].matches(name) }
        return matches(names[...], skipsHidden: false)
    }

    /// Whether one path could match both patterns. Patterns with slashes are only compared by their last name.
    public func overlaps(_ other: Glob) -> Bool {
        guard let own = parts.last, let others = other.parts.last else { return true }
        return own.isAnyFolders || others.isAnyFolders || own.overlaps(others)
    }

    /// Whether the pattern matches the whole path, also where it is without a slash. Names that begin with a dot match
    /// only what begins with a dot, as in a shell.
    /// - Parameter path: Below the pattern's folder, without a slash at its beginning.
    public func matches(path: String) -> Bool {
        let path = ignoresCase ? Self.folded(path) : path
        let names = path.unicodeScalars.split(separator: "/").map { Array(String($0)) }
        return !names.isEmpty && matches(names[...], skipsHidden: true)
    }

    /// Only the last `**` needs backtracking, so the time is at most parts × names.
    private func matches(_ names: ArraySlice<[Character]>, skipsHidden: Bool) -> Bool {
        func isHidden(_ name: Int) -> Bool { skipsHidden && names[name].first == "." }
        var (part, name) = (parts.startIndex, names.startIndex)
        var retry: (part: Int, name: Int)?
        while name < names.endIndex {
            if part < parts.endIndex, parts[part].isAnyFolders {
                retry = (part + 1, name)
                part += 1
            } else if part < parts.endIndex, parts[part].beginsWithDot || !isHidden(name),
                parts[part].matches(names[name])
            {
                part += 1
                name += 1
            } else if let mark = retry, !isHidden(mark.name) {
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
    /// A string that is not empty.
    public static var schema: Value { ["type": "string", "minLength": 1] }

    /// - Throws: A ``FieldError`` for anything but a valid pattern.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a pattern such as \"*.txt\"", found: value) }
        try self.init(text)
    }

    /// The pattern as it was written.
    public var fieldDefault: Value? { .string(text) }
}

/// One component of a ``Glob``, which matches a single name.
private struct NamePattern: Sendable, Hashable {
    private enum Element: Sendable, Hashable {
        case literal(Character)
        case any
        case star
        case set([ClosedRange<Character>], isNegated: Bool)

        func matches(_ character: Character) -> Bool {
            switch self {
            case .literal(let literal): literal == character
            case .any: true
            case .star: false
            case .set(let ranges, let isNegated): ranges.contains { $0.contains(character) } != isNegated
            }
        }

        /// Whether one character could match both; two sets count as if one could.
        func overlaps(_ other: Element) -> Bool {
            switch (self, other) {
            case (.star, _), (_, .star): false
            case (.literal(let literal), _): other.matches(literal)
            case (_, .literal(let literal)): matches(literal)
            default: true
            }
        }
    }

    /// Whether it is `**`: any number of folders.
    let isAnyFolders: Bool
    private let elements: [Element]

    var beginsWithDot: Bool { elements.first == .literal(".") }

    /// nil for a `[` without its `]`.
    init?(_ text: String) {
        isAnyFolders = text == "**"
        var elements: [Element] = []
        var rest = Array(text)[...]
        while let character = rest.popFirst() {
            switch character {
            case "*": elements.append(.star)
            case "?": elements.append(.any)
            case "[":
                guard let set = Self.set(&rest) else { return nil }
                elements.append(set)
            default: elements.append(.literal(character))
            }
        }
        self.elements = elements
    }

    /// Parses a class after `[`. A leading `]` is a literal.
    private static func set(_ rest: inout ArraySlice<Character>) -> Element? {
        var isNegated = false
        if rest.first == "!" || rest.first == "^" {
            isNegated = true
            rest.removeFirst()
        }
        var ranges: [ClosedRange<Character>] = []
        while let character = rest.popFirst() {
            if character == "]", !ranges.isEmpty { return .set(ranges, isNegated: isNegated) }
            if rest.first == "-", let end = rest.dropFirst().first, end != "]", character <= end {
                rest.removeFirst(2)
                ranges.append(character...end)
            } else {
                ranges.append(character...character)
            }
        }
        return nil
    }

    /// Only the last star needs backtracking, so the time is at most pattern × name.
    func matches(_ name: [Character]) -> Bool {
        var (element, character) = (0, 0)
        var retry: (element: Int, character: Int)?
        while character < name.count {
            if element < elements.count, elements[element] == .star {
                retry = (element + 1, character)
                element += 1
            } else if element < elements.count, elements[element].matches(name[character]) {
                element += 1
                character += 1
            } else if let mark = retry {
                retry = (mark.element, mark.character + 1)
                (element, character) = (mark.element, mark.character + 1)
            } else {
                return false
            }
        }
        return elements[element...].allSatisfy { $0 == .star }
    }

    /// Whether one name could match both patterns: a search over pairs of places in them, each visited once.
    func overlaps(_ other: NamePattern) -> Bool {
        var seen: Set<[Int]> = []
        var open = [[0, 0]]
        while let place = open.popLast() {
            guard seen.insert(place).inserted else { continue }
            let (own, others) = (place[0], place[1])
            if own == elements.count, others == other.elements.count { return true }
            if own < elements.count, elements[own] == .star {
                open.append([own + 1, others])
                if others < other.elements.count { open.append([own, others + 1]) }
            }
            if others < other.elements.count, other.elements[others] == .star {
                open.append([own, others + 1])
                if own < elements.count { open.append([own + 1, others]) }
            }
            if own < elements.count, others < other.elements.count, elements[own].overlaps(other.elements[others]) {
                open.append([own + 1, others + 1])
            }
        }
        return false
    }
}
