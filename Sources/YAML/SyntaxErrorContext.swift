import CLibYAML

/// A syntax error of libyaml with the surrounding text.
struct SyntaxErrorContext {
    let problem: String
    let context: String
    let source: YAMLSource
    /// Where libyaml stopped.
    let place: YAMLPosition
    /// The start of the construct that libyaml was reading.
    let contextPlace: YAMLPosition

    init(_ problem: LibYAMLProblem, _ source: YAMLSource) {
        self.problem = problem.problem
        context = problem.context ?? ""
        self.source = source
        place = source.lines.position(ofScalar: problem.place)
        contextPlace = problem.context == nil ? place : source.lines.position(ofScalar: problem.contextPlace)
    }

    /// The explanation if the cause is a tab used for indentation.
    var tabIndentation: SyntaxExplanation? {
        let isTabProblem = problem.contains("tab character")
        let line = source.line(place.line).map { Array($0.unicodeScalars) } ?? []
        let before = line.prefix(place.column - 1)
        let isAtTab = place.column <= line.count && line[place.column - 1] == "\t"
        let onlyIndicators = before.allSatisfy { " \t-?:".unicodeScalars.contains($0) }
        guard isTabProblem || isAtTab && onlyIndicators && problem.hasPrefix("found character") else { return nil }
        let isIndentation = before.allSatisfy { $0 == " " || $0 == "\t" }
        return SyntaxExplanation(
            code: YAMLErrorCode.tabIndentation,
            sentence: isIndentation
                ? "this line is indented with a tab; YAML allows only spaces"
                : "a tab follows the \"\(String(String.UnicodeScalarView(before)).trimmedBlanks)\"; YAML allows only "
                    + "spaces there",
            range: YAMLRange(start: place, end: YAMLPosition(line: place.line, column: place.column + 1)),
            hint: "replace the tab with spaces")
    }

    /// The hint for a value that begins with the braces of a template, which YAML reads as a flow mapping.
    var templateHint: String? {
        for position in [place, contextPlace] {
            guard let line = source.line(position.line) else { continue }
            let value = line.drop { $0 == " " || $0 == "-" }
            let afterKey = value.split(separator: ": ", maxSplits: 1).last ?? value
            if afterKey.drop(while: { $0 == " " }).hasPrefix("{{") {
                return "a value that begins with \"{{\" must be in quotes: \"{{ … }}\""
            }
        }
        return nil
    }

    /// The hint for text that looks like a key or a quoted text, in the lines around the error.
    var lookalikeHint: String? {
        let content = { (line: Substring) in line.drop { $0 == " " || $0 == "-" } }
        let before = stride(from: place.line - 1, through: 1, by: -1).lazy.compactMap { source.line($0) }
            .first { !content($0).isEmpty }
        let lines = [source.line(place.line), source.line(contextPlace.line), before].compactMap(\.self)
        let isAboutKeys = ["could not find expected ':'", "mapping values are not allowed in this context"]
            .contains(problem)
        let colon = isAboutKeys ? lines.lazy.compactMap { LookalikeHint.key(in: content($0)) }.first : nil
        return colon ?? lines.prefix(2).lazy.compactMap { LookalikeHint.quote(in: $0) }.first
    }

    /// The text from a position to the end of its line, quoted for messages.
    func quote(_ position: YAMLPosition) -> String {
        if isAtEnd(position) { return "the end of the file" }
        let text = source.shownLine(from: position).trimmedBlanks
        return text.isEmpty ? "the end of the line" : "\"\(text.shortened)\""
    }

    /// The text from a position to the next blank, quoted for messages.
    func word(_ position: YAMLPosition) -> String {
        let word = source.shownLine(from: position).prefix { $0 != " " && $0 != "\t" }
        return "\"\(String(word).shortened)\""
    }

    /// The range of the text that ``quote(_:)`` returns.
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

/// An error of libyaml: its messages and marks.
struct LibYAMLProblem {
    var problem: String
    /// Where libyaml stopped, in Unicode scalars.
    var place: Int
    /// The construct that libyaml was reading, and where it started.
    var context: String?
    var contextPlace: Int

    init(_ parser: yaml_parser_t) {
        problem = parser.problem.map { String(cString: $0) } ?? "out of memory"
        place = parser.problem_mark.index
        context = parser.context.map { String(cString: $0) }
        contextPlace = parser.context_mark.index
    }

    /// The error with an explanation for users, followed by libyaml's own message.
    func error(in source: YAMLSource) -> YAMLError {
        if problem == "out of memory" { return Self.outOfMemory(source) }
        let situation = SyntaxErrorContext(self, source)
        var explanation = situation.tabIndentation ?? situation.explanation
        if let better = situation.templateHint ?? situation.lookalikeHint { explanation.hint = better }
        let words = [context, problem].compactMap(\.self).joined(separator: ": ")
        return YAMLError(
            code: explanation.code, message: "\(explanation.sentence) (libyaml: \(words))", range: explanation.range,
            source: source, hint: explanation.hint, related: explanation.related)
    }

    /// The error for a failed allocation.
    static func outOfMemory(_ source: YAMLSource) -> YAMLError {
        YAMLError(
            code: YAMLErrorCode.outOfMemory, message: "there is not enough memory to read the file",
            range: YAMLRange(at: YAMLPosition(line: 1, column: 1)), source: source)
    }
}

/// The explanation of a syntax error for the author of the file.
struct SyntaxExplanation {
    var code: YAMLErrorCode
    var sentence: String
    var range: YAMLRange
    var hint: String?
    var related: [YAMLError.RelatedPlace] = []
}
