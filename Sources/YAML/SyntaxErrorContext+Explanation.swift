extension SyntaxErrorContext {
    /// The explanation of libyaml's problem for users.
    var explanation: SyntaxExplanation {
        if context.contains("directive") || problem.contains("directive") || problem.contains("incompatible") {
            return directive
        }
        if context.contains("anchor") || context.contains("alias") { return anchor }
        if context.contains("a tag") || problem.contains("tag handle") { return tag }
        if context.contains("block scalar") { return blockScalar }
        if context.contains("quoted scalar") { return quotedScalar }
        return problem.hasPrefix("did not find expected") ? expectation : token
    }

    private var directive: SyntaxExplanation {
        var sentence = "the directive \(quote(contextPlace)) is invalid"
        if problem.contains("duplicate") { sentence = "the directive \(quote(contextPlace)) appears twice" }
        if problem.contains("incompatible") { sentence = "\(quote(contextPlace)) is not a supported YAML version" }
        return SyntaxExplanation(
            code: YAMLErrorCode.badDirective, sentence: sentence, range: rest(of: contextPlace),
            hint: "if the line is part of a text, indent it or put the text in quotes")
    }

    private var anchor: SyntaxExplanation {
        let (sign, kind) = context.contains("alias") ? ("*", "an alias") : ("&", "an anchor")
        return SyntaxExplanation(
            code: YAMLErrorCode.badAnchor, sentence: "\(word(contextPlace)) is not a valid name for \(kind)",
            range: character(at: contextPlace),
            hint: "if \"\(sign)\" is part of the text, put the text in quotes")
    }

    private var tag: SyntaxExplanation {
        let sentence =
            problem.contains("tag handle")
            ? "the tag \(word(place)) uses a handle that no %TAG line declares"
            : "the tag \(word(contextPlace)) is invalid"
        return SyntaxExplanation(
            code: YAMLErrorCode.badTag, sentence: sentence,
            range: character(at: problem.contains("tag handle") ? place : contextPlace),
            hint: "if \"!\" is part of the text, put the text in quotes")
    }

    private var blockScalar: SyntaxExplanation {
        if problem.contains("equal to 0") {
            return SyntaxExplanation(
                code: YAMLErrorCode.badBlockHeader,
                sentence: "the indentation in \(word(contextPlace)) must be from 1 to 9",
                range: rest(of: contextPlace))
        }
        return SyntaxExplanation(
            code: YAMLErrorCode.badBlockHeader,
            sentence: "a block scalar begins on the line after its \"|\" or \">\", found \(quote(place))",
            range: rest(of: place),
            hint: "put the text on the next line, indented; or put a text that begins with \"|\" or \">\" in quotes")
    }

    private var quotedScalar: SyntaxExplanation {
        switch problem {
        case "found unknown escape character":
            let end = YAMLPosition(line: place.line, column: place.column + 2)
            let escape = String(decoding: source.bytes(in: YAMLRange(start: place, end: end)), as: UTF8.self)
            return SyntaxExplanation(
                code: YAMLErrorCode.badEscape,
                sentence: "\(source.quoted(escape, at: place)) is not an escape sequence",
                range: YAMLRange(start: place, end: end),
                hint: #"write "\\" for a backslash, or put the text in single quotes"#)
        case "did not find expected hexdecimal number", "found invalid Unicode character escape code":
            // libyaml has consumed the backslash and the letter.
            let start = YAMLPosition(line: place.line, column: max(1, place.column - 2))
            if let pair = surrogatePair(at: start) { return pair }
            let reason =
                problem.hasPrefix("did not")
                ? "lacks hexadecimal digits" : "is not a Unicode character"
            return SyntaxExplanation(
                code: YAMLErrorCode.badEscape, sentence: "the escape sequence \(word(start)) \(reason)",
                range: YAMLRange(start: start, end: place),
                hint: #"write "\xHH", "\uHHHH" or "\UHHHHHHHH", where each H is a hexadecimal digit"#)
        default:
            return SyntaxExplanation(
                code: YAMLErrorCode.unclosedQuote, sentence: "the quote that opens here is not closed",
                range: character(at: contextPlace))
        }
    }

    /// The explanation of a surrogate pair such as `\ud83d\ude00`, with which JSON writes one character; nil for other
    /// escapes.
    private func surrogatePair(at start: YAMLPosition) -> SyntaxExplanation? {
        let range = YAMLRange(start: start, end: YAMLPosition(line: start.line, column: start.column + 12))
        let escapes = String(decoding: source.bytes(in: range), as: UTF8.self)
        let units = escapes.split(separator: #"\u"#).compactMap { UInt16($0, radix: 16) }
        guard escapes.utf8.count == 12, units.count == 2,
            let scalars = String(validating: units, as: UTF16.self)?.unicodeScalars, scalars.count == 1,
            let character = scalars.first
        else { return nil }
        let escape = #"\U"# + TextDecoder.hex(character.value, digits: 8)
        return SyntaxExplanation(
            code: YAMLErrorCode.badEscape,
            sentence: "the escape sequence \(source.quoted(escapes, at: start)) is a surrogate pair, "
                + "which YAML does not have",
            range: range, hint: "write \(source.quoted(escape, at: start)), or the character itself")
    }

    private var expectation: SyntaxExplanation {
        let beginning = YAMLRange(start: contextPlace, end: character(at: contextPlace).end)
        switch problem {
        case "did not find expected '-' indicator":
            return SyntaxExplanation(
                code: YAMLErrorCode.badIndentation,
                sentence: "expected a list item (\"- \"), found \(quote(place))",
                range: rest(of: place),
                hint: "all items of a list must begin in the same column",
                related: [.init(message: "the list begins here", range: beginning)])
        case "did not find expected key":
            return SyntaxExplanation(
                code: YAMLErrorCode.badIndentation, sentence: "expected a key, found \(quote(place))",
                range: rest(of: place), hint: "all keys of a mapping must begin in the same column",
                related: [.init(message: "the mapping begins here", range: beginning)])
        case "did not find expected ',' or ']'":
            return SyntaxExplanation(
                code: YAMLErrorCode.unclosedList, sentence: "expected \",\" or \"]\", found \(quote(place))",
                range: rest(of: place), related: [.init(message: "the list begins here", range: beginning)])
        case "did not find expected ',' or '}'":
            return SyntaxExplanation(
                code: YAMLErrorCode.unclosedMapping, sentence: "expected \",\" or \"}\", found \(quote(place))",
                range: rest(of: place), related: [.init(message: "the mapping begins here", range: beginning)])
        case "did not find expected <document start>":
            return SyntaxExplanation(
                code: YAMLErrorCode.unexpectedContent,
                sentence: isAfterDirective
                    ? "a line \"---\" must follow the directives"
                    : "the document's value has ended; \(quote(place)) cannot follow it",
                range: rest(of: place))
        default:
            return SyntaxExplanation(
                code: YAMLErrorCode.missingValue, sentence: "expected a value, found \(quote(place))",
                range: rest(of: place))
        }
    }

    private var token: SyntaxExplanation {
        switch problem {
        case "could not find expected ':'":
            return SyntaxExplanation(
                code: YAMLErrorCode.missingColon,
                sentence: "expected a key here, but \(quote(contextPlace)) has no \":\"",
                range: rest(of: contextPlace), hint: "write \"key: value\", or correct the indentation")
        case "mapping values are not allowed in this context":
            return SyntaxExplanation(
                code: YAMLErrorCode.unexpectedColon, sentence: "a \":\" is not allowed here",
                range: character(at: place),
                hint: "if the \":\" is part of a text, put the text in quotes; if not, check the indentation")
        case "found unexpected ':'":
            return SyntaxExplanation(
                code: YAMLErrorCode.unexpectedColon, sentence: "a \":\" must be followed by a space here",
                range: character(at: place),
                hint: "if the \":\" is part of a text, put the text in quotes")
        case "block sequence entries are not allowed in this context":
            return SyntaxExplanation(
                code: YAMLErrorCode.unexpectedItem, sentence: "a list item (\"- \") is not allowed here",
                range: character(at: place),
                hint: "begin the list on a line of its own; if \"-\" is part of a text, put the text in quotes")
        case "mapping keys are not allowed in this context":
            return SyntaxExplanation(
                code: YAMLErrorCode.unexpectedKey, sentence: "a key (\"? \") is not allowed here",
                range: character(at: place),
                hint: "if \"?\" is part of a text, put the text in quotes")
        case "found character that cannot start any token":
            return SyntaxExplanation(
                code: YAMLErrorCode.unexpectedCharacter,
                sentence: "\(quote(place)) begins with a character that no value may "
                    + "begin with",
                range: character(at: place), hint: "put the text in quotes")
        default:
            return SyntaxExplanation(
                code: YAMLErrorCode.syntax, sentence: "this is not valid YAML", range: character(at: place))
        }
    }

    /// Whether the last line with content before the place is a directive (`%YAML`, `%TAG`).
    private var isAfterDirective: Bool {
        for number in stride(from: place.line - 1, through: 1, by: -1) {
            guard let line = source.line(number) else { continue }
            let content = line.drop { $0 == " " || $0 == "\t" }
            if !content.isEmpty, !content.hasPrefix("#") { return line.hasPrefix("%") }
        }
        return false
    }
}
