/// A syntax error of libyaml's together with the text around it.
struct SyntaxSituation {
    let problem: String
    let context: String
    let source: YAMLSource
    /// Where libyaml stopped.
    let place: YAMLPosition
    /// Where what it was reading began.
    let contextPlace: YAMLPosition

    init(_ problem: LibYAMLProblem, _ source: YAMLSource) {
        self.problem = problem.problem
        context = problem.context ?? ""
        self.source = source
        place = source.lines.position(ofScalar: problem.place)
        contextPlace = problem.context == nil ? place : source.lines.position(ofScalar: problem.contextPlace)
    }

    /// The explanation when the cause is a tab where spaces must be.
    var tabIndentation: SyntaxExplanation? {
        let isTabProblem = problem.contains("tab character")
        let line = source.line(place.line).map { Array($0.unicodeScalars) } ?? []
        let before = line.prefix(place.column - 1)
        let isAtTab = place.column <= line.count && line[place.column - 1] == "\t"
        let onlyIndicators = before.allSatisfy { " \t-?:".unicodeScalars.contains($0) }
        guard isTabProblem || isAtTab && onlyIndicators && problem.hasPrefix("found character") else { return nil }
        let isIndentation = before.allSatisfy { $0 == " " || $0 == "\t" }
        return SyntaxExplanation(
            code: "tab-indentation",
            sentence: isIndentation
                ? "This line is indented with a tab; YAML allows only spaces."
                : "A tab follows the \"\(String(String.UnicodeScalarView(before)).trimmedBlanks)\"; YAML allows only "
                    + "spaces there.",
            range: YAMLRange(start: place, end: YAMLPosition(line: place.line, column: place.column + 1)),
            hint: "Replace the tab with spaces.")
    }

    /// The advice when the line has a value that begins with a template's braces, which YAML takes for a mapping.
    var templateHint: String? {
        for position in [place, contextPlace] {
            guard let line = source.line(position.line) else { continue }
            let value = line.drop { $0 == " " || $0 == "-" }
            let afterKey = value.split(separator: ": ", maxSplits: 1).last ?? value
            if afterKey.drop(while: { $0 == " " }).hasPrefix("{{") {
                return "A value that begins with \"{{\" must be in quotes: \"{{ … }}\"."
            }
        }
        return nil
    }

    /// The text at a place, to the end of its line, for messages.
    func quote(_ position: YAMLPosition) -> String {
        let line = source.line(position.line)?.unicodeScalars.dropFirst(position.column - 1)
        let text = String(String.UnicodeScalarView(line ?? Substring().unicodeScalars[...])).trimmedBlanks
        if isAtEnd(position) { return "the end of the file" }
        return text.isEmpty ? "the end of the line" : "\"\(text.shortened)\""
    }

    /// The text at a place up to the next blank.
    func word(_ position: YAMLPosition) -> String {
        let line = source.line(position.line)?.unicodeScalars.dropFirst(position.column - 1)
        let word = line?.prefix { $0 != " " && $0 != "\t" } ?? Substring().unicodeScalars[...]
        return "\"\(String(String.UnicodeScalarView(word)).shortened)\""
    }

    /// The range of the text that ``quote(_:)`` shows.
    func rest(of position: YAMLPosition) -> YAMLRange {
        let line = source.line(position.line)?.unicodeScalars ?? Substring().unicodeScalars[...]
        let trimmed = line.reversed().drop { $0 == " " || $0 == "\t" }.count
        return YAMLRange(
            start: position, end: YAMLPosition(line: position.line, column: max(trimmed, position.column) + 1))
    }

    /// The range of one character.
    func character(at position: YAMLPosition) -> YAMLRange {
        YAMLRange(start: position, end: YAMLPosition(line: position.line, column: position.column + 1))
    }

    /// Whether nothing but white space and comments follows a place.
    func isAtEnd(_ position: YAMLPosition) -> Bool {
        source.byteOffset(of: position) >= source.lines.byteCount
    }
}

extension String {
    fileprivate var trimmedBlanks: String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var text = drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return String(text)
    }
}
