import RunnelKit
import RunnelSupport

extension StandardFilters {
    static let texts: [TemplateFilter] = [
        text("upper", "Converts to upper case.") { $0.uppercased() },
        text("lower", "Converts to lower case.") { $0.lowercased() },
        text("trim", "Removes white space at both ends.") { String($0.trimmed) },
        text("capitalize", "Capitalizes the first letter.") { $0.prefix(1).uppercased() + $0.dropFirst() },
        text("title", "Capitalizes each word.") { text in
            var isInWord = false
            return text.reduce(into: "") { title, character in
                title += isInWord ? character.lowercased() : character.uppercased()
                isInWord = !character.isWhitespace
            }
        },
        text(
            "slug",
            "Converts to a slug for file names and URLs: lower-case letters and digits of any script, single hyphens."
        ) { text in
            text.lowercased().split { !($0.isLetter || $0.isNumber) }.joined(separator: "-")
        },
        text("dedent", "Removes the common indentation of all lines.", dedent),
        TemplateFilter(
            name: "replace", summary: "Replaces one text with another.", usage: "replace(old, new)",
            arguments: 2...2, checkArguments: { _ = try $0[0].map(replaced) }
        ) { value, arguments in
            let old = try replaced(arguments[0])
            let (text, new) = (try value.filterText(), try arguments[1].filterText())
            let parts = text.parts(separatedBy: old)
            try FilterLimit.check(text.utf8.count, plus: parts.count - 1, times: new.utf8.count)
            return .string(parts.joined(separator: new))
        },
        TemplateFilter(
            name: "truncate", summary: "Truncates to a number of characters, including the end mark.",
            usage: #"truncate(length, end="…")"#, arguments: 1...2,
            checkArguments: { _ = try $0[0]?.filterCount() }
        ) { value, arguments in
            let (text, length) = (try value.filterText(), try arguments[0].filterCount())
            let end = arguments.count > 1 ? try arguments[1].filterText() : "…"
            return .string(
                text.count <= length ? text : String(text.prefix(max(0, length - end.count)) + end.prefix(length)))
        },
        TemplateFilter(
            name: "indent", summary: "Indents each line but the first by a number of spaces.", usage: "indent(width)",
            arguments: 1...1, checkArguments: { _ = try $0[0].map(indentation) }
        ) { value, arguments in
            let width = try indentation(arguments[0])
            let lines = try value.filterText().scalarLines
            try FilterLimit.check(0, plus: lines.count, times: width)
            return .string(lines.joined(separator: "\n" + String(repeating: " ", count: width)))
        },
        TemplateFilter(
            name: "split", summary: "Splits a text at a separator; without one, into words.",
            usage: "split(separator)", arguments: 0...1
        ) { value, arguments in
            let text = try value.filterText()
            guard let separator = try arguments.first?.filterText(), !separator.isEmpty else {
                return .list(text.split { $0.isWhitespace }.map { .string(String($0)) })
            }
            return .list(text.parts(separatedBy: separator).map { .string($0) })
        },
        TemplateFilter(name: "lines", summary: "The lines of a text.", usage: "lines") { value, _ in
            var lines = try value.filterText().split(omittingEmptySubsequences: false) { $0.isNewline }
            if lines.last?.isEmpty == true { lines.removeLast() }
            return .list(lines.map { .string(String($0)) })
        },
        TemplateFilter(
            name: "contains", summary: "Whether a text or list contains something.", usage: "contains(part)",
            arguments: 1...1
        ) { value, arguments in
            if let items = value.asList { return .bool(items.contains(arguments[0])) }
            return .bool(try value.filterText().holds(try arguments[0].filterText()))
        },
        TemplateFilter(
            name: "starts_with", summary: "Whether a text starts with another.", usage: "starts_with(prefix)",
            arguments: 1...1
        ) {
            let prefix = try $1[0].filterText().searched
            return .bool(String(try $0.filterText().prefix(prefix.count)).searched.starts(with: prefix))
        },
        TemplateFilter(
            name: "ends_with", summary: "Whether a text ends with another.", usage: "ends_with(suffix)",
            arguments: 1...1
        ) {
            let suffix = try $1[0].filterText().searched
            let end = String(try $0.filterText().suffix(suffix.count)).searched
            return .bool(end.reversed().starts(with: suffix.reversed()))
        },
        TemplateFilter(name: "wordcount", summary: "The number of words in a text.", usage: "wordcount") { value, _ in
            .int(Int64(try value.filterText().split { $0.isWhitespace }.count))
        },
    ]

    private static func text(
        _ name: String, _ summary: String, _ transform: @escaping @Sendable (String) -> String
    ) -> TemplateFilter {
        TemplateFilter(name: name, summary: summary, usage: name) { value, _ in
            .string(transform(try value.filterText()))
        }
    }

    /// The first argument of `replace`.
    @Sendable private static func replaced(_ argument: Value) throws(FilterError) -> String {
        let text = try argument.filterText()
        guard !text.isEmpty else { throw FilterError("the text to be replaced is empty") }
        return text
    }

    /// The argument of `indent`.
    @Sendable private static func indentation(_ argument: Value) throws(FilterError) -> Int {
        let width = try argument.filterCount()
        guard width <= 1000 else { throw FilterError("an indentation of \(width) is too wide") }
        return width
    }

    @Sendable private static func dedent(_ text: String) -> String {
        let lines = text.scalarLines
        let widths = lines.filter { !$0.allSatisfy(\.isWhitespace) }.map { $0.prefix { $0 == " " }.count }
        let width = widths.min() ?? 0
        return lines.map { $0.dropFirst(min(width, $0.prefix { $0 == " " }.count)) }.joined(separator: "\n")
    }
}

extension String {
    /// The characters for searches. CR LF is two of them: Swift treats it as one, so that a search would miss the line feed.
    fileprivate var searched: [Character] {
        flatMap { (character: Character) -> [Character] in character == "\r\n" ? ["\r", "\n"] : [character] }
    }

    /// Whether `part` occurs in the text.
    package func holds(_ part: String) -> Bool {
        guard !part.isEmpty else { return true }
        return utf8.contains(0x0D) ? searched.contains(part.searched) : contains(part)
    }

    fileprivate func parts(separatedBy separator: String) -> [String] {
        guard utf8.contains(0x0D) else {
            return split(separator: separator, omittingEmptySubsequences: false).map(String.init)
        }
        return searched.split(separator: separator.searched, omittingEmptySubsequences: false).map { String($0) }
    }

    /// Split at each line feed, also within CR LF, which Swift treats as one character.
    fileprivate var scalarLines: [Substring] {
        unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { Substring($0) }
    }
}
