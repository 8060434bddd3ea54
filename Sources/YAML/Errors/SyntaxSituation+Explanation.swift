extension SyntaxSituation {
    /// What libyaml's problem means, in plain words.
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
        var sentence = "The directive \(quote(contextPlace)) cannot be read."
        if problem.contains("duplicate") { sentence = "The directive \(quote(contextPlace)) is there twice." }
        if problem.contains("incompatible") { sentence = "\(quote(contextPlace)) is no version that can be read." }
        return SyntaxExplanation(
            code: "bad-directive", sentence: sentence, range: rest(of: contextPlace),
            hint: "If the line is part of a text, indent it or put the text in quotes.")
    }

    private var anchor: SyntaxExplanation {
        let (sign, kind) = context.contains("alias") ? ("*", "an alias") : ("&", "an anchor")
        return SyntaxExplanation(
            code: "bad-anchor", sentence: "\(word(contextPlace)) is not the name of \(kind).",
            range: character(at: contextPlace),
            hint: "If \"\(sign)\" is part of the text, put the text in quotes.")
    }

    private var tag: SyntaxExplanation {
        let sentence =
            problem.contains("tag handle")
            ? "The tag \(word(place)) begins with a handle that no %TAG line declares."
            : "The tag \(word(contextPlace)) cannot be read."
        return SyntaxExplanation(
            code: "bad-tag", sentence: sentence,
            range: character(at: problem.contains("tag handle") ? place : contextPlace),
            hint: "If \"!\" is part of the text, put the text in quotes.")
    }

    private var blockScalar: SyntaxExplanation {
        if problem.contains("equal to 0") {
            return SyntaxExplanation(
                code: "bad-block-header", sentence: "The indentation in \(word(contextPlace)) must be from 1 to 9.",
                range: rest(of: contextPlace))
        }
        return SyntaxExplanation(
            code: "bad-block-header",
            sentence: "A block of text begins on the line after its \"|\" or \">\"; here is \(quote(place)).",
            range: rest(of: place),
            hint: "Put the text on the next line, indented; or put a text that begins with \"|\" or \">\" in quotes.")
    }

    private var quotedScalar: SyntaxExplanation {
        switch problem {
        case "found unknown escape character":
            let end = YAMLPosition(line: place.line, column: place.column + 2)
            let escape = String(decoding: source.bytes(in: YAMLRange(start: place, end: end)), as: UTF8.self)
            return SyntaxExplanation(
                code: "bad-escape", sentence: "\"\(escape)\" is not an escape.",
                range: YAMLRange(start: place, end: end),
                hint: #"Write "\\" for a backslash, or put the text in single quotes."#)
        case "did not find expected hexdecimal number", "found invalid Unicode character escape code":
            // libyaml has consumed the backslash and the letter.
            let start = YAMLPosition(line: place.line, column: max(1, place.column - 2))
            let reason =
                problem.hasPrefix("did not")
                ? "lacks hexadecimal digits" : "stands for no Unicode character"
            return SyntaxExplanation(
                code: "bad-escape", sentence: "The escape that begins \(word(start)) \(reason).",
                range: YAMLRange(start: start, end: place),
                hint: #"Write "\xHH", "\uHHHH" or "\UHHHHHHHH", where each H is a hexadecimal digit."#)
        default:
            return SyntaxExplanation(
                code: "unclosed-quote", sentence: "The quote that opens here is not closed.",
                range: character(at: contextPlace))
        }
    }

    private var expectation: SyntaxExplanation {
        let beginning = YAMLRange(start: contextPlace, end: character(at: contextPlace).end)
        switch problem {
        case "did not find expected '-' indicator":
            return SyntaxExplanation(
                code: "bad-indentation",
                sentence: "An item of a list (\"- \") is expected, but here is \(quote(place)).",
                range: rest(of: place),
                hint: "Items of one list begin in the same column.",
                related: [.init(message: "The list begins here.", range: beginning)])
        case "did not find expected key":
            return SyntaxExplanation(
                code: "bad-indentation", sentence: "A key is expected, but here is \(quote(place)).",
                range: rest(of: place), hint: "Keys of one mapping begin in the same column.",
                related: [.init(message: "The mapping begins here.", range: beginning)])
        case "did not find expected ',' or ']'":
            return SyntaxExplanation(
                code: "unclosed-list", sentence: "A \",\" or \"]\" is expected, but here is \(quote(place)).",
                range: rest(of: place), related: [.init(message: "The list begins here.", range: beginning)])
        case "did not find expected ',' or '}'":
            return SyntaxExplanation(
                code: "unclosed-mapping", sentence: "A \",\" or \"}\" is expected, but here is \(quote(place)).",
                range: rest(of: place), related: [.init(message: "The mapping begins here.", range: beginning)])
        case "did not find expected <document start>":
            return SyntaxExplanation(
                code: "unexpected-content",
                sentence: isAfterDirective
                    ? "A line \"---\" must follow the directives."
                    : "The document's value has ended; \(quote(place)) cannot follow it.",
                range: rest(of: place))
        default:
            return SyntaxExplanation(
                code: "missing-value", sentence: "A value is expected, but here is \(quote(place)).",
                range: rest(of: place))
        }
    }

    private var token: SyntaxExplanation {
        switch problem {
        case "could not find expected ':'":
            return SyntaxExplanation(
                code: "missing-colon", sentence: "\(quote(contextPlace)) stands where a key must, but has no \":\".",
                range: rest(of: contextPlace), hint: "Write \"key: value\", or correct the indentation.")
        case "mapping values are not allowed in this context":
            return SyntaxExplanation(
                code: "unexpected-colon", sentence: "A \":\" cannot stand here.",
                range: character(at: place),
                hint: "If the \":\" is part of a text, put the text in quotes; if not, check the indentation.")
        case "found unexpected ':'":
            return SyntaxExplanation(
                code: "unexpected-colon", sentence: "A \":\" must be followed by a space here.",
                range: character(at: place),
                hint: "If the \":\" is part of a text, put the text in quotes.")
        case "block sequence entries are not allowed in this context":
            return SyntaxExplanation(
                code: "unexpected-item", sentence: "An item of a list (\"- \") cannot begin here.",
                range: character(at: place),
                hint: "Begin the list on a line of its own; if \"-\" is part of a text, put the text in quotes.")
        case "mapping keys are not allowed in this context":
            return SyntaxExplanation(
                code: "unexpected-key", sentence: "A key (\"? \") cannot begin here.", range: character(at: place),
                hint: "If \"?\" is part of a text, put the text in quotes.")
        case "found character that cannot start any token":
            return SyntaxExplanation(
                code: "unexpected-character",
                sentence: "\(quote(place)) begins with a character that no value may "
                    + "begin with.",
                range: character(at: place), hint: "Put the text in quotes.")
        default:
            return SyntaxExplanation(
                code: "syntax", sentence: "This is not valid YAML.", range: character(at: place))
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
