import RunnelKit

extension StandardFilters {
    static let texts: [TemplateFilter] = [
        text("upper", "In capital letters.") { $0.uppercased() },
        text("lower", "In small letters.") { $0.lowercased() },
        text("trim", "Without white space at both ends.") { $0.trimmed },
        text("capitalize", "With a capital first letter.") { $0.prefix(1).uppercased() + $0.dropFirst() },
        text("title", "With a capital first letter in each word.") { text in
            text.split(separator: " ", omittingEmptySubsequences: false)
                .map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }.joined(separator: " ")
        },
        text("slug", "As a part of a file name or URL: small letters, digits and single hyphens.") { text in
            text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.joined(separator: "-")
        },
        text("dedent", "Without the indentation that all lines share.", dedent),
        TemplateFilter(
            name: "replace", summary: "With one text in the place of another.", usage: "replace(old, new)",
            arguments: 2...2
        ) { value, arguments in
            let old = try arguments[0].filterText()
            guard !old.isEmpty else { throw FilterError("the text to be replaced is empty") }
            let (text, new) = (try value.filterText(), try arguments[1].filterText())
            let parts = text.split(separator: old, omittingEmptySubsequences: false)
            try FilterLimit.check(text.utf8.count, plus: parts.count - 1, times: new.utf8.count)
            return .string(parts.joined(separator: new))
        },
        TemplateFilter(
            name: "truncate", summary: "Cut after so many characters, the end included.",
            usage: #"truncate(length, end="…")"#, arguments: 1...2
        ) { value, arguments in
            let (text, length) = (try value.filterText(), try arguments[0].filterCount())
            let end = arguments.count > 1 ? try arguments[1].filterText() : "…"
            return .string(
                text.count <= length ? text : String(text.prefix(max(0, length - end.count)) + end.prefix(length)))
        },
        TemplateFilter(
            name: "indent", summary: "With so many spaces before each line but the first.", usage: "indent(width)",
            arguments: 1...1
        ) { value, arguments in
            let width = try arguments[0].filterCount()
            guard width <= 1000 else { throw FilterError("an indentation of \(width) is too wide") }
            let lines = try value.filterText().scalarLines
            try FilterLimit.check(0, plus: lines.count, times: width)
            return .string(lines.joined(separator: "\n" + String(repeating: " ", count: width)))
        },
        TemplateFilter(
            name: "split", summary: "The parts of a text between separators; without one, the words.",
            usage: "split(separator)", arguments: 0...1
        ) { value, arguments in
            let text = try value.filterText()
            guard let separator = try arguments.first?.filterText(), !separator.isEmpty else {
                return .list(text.split { $0.isWhitespace }.map { .string(String($0)) })
            }
            return .list(text.split(separator: separator, omittingEmptySubsequences: false).map { .string(String($0)) })
        },
        TemplateFilter(name: "lines", summary: "The lines of a text.", usage: "lines") { value, _ in
            var lines = try value.filterText().split(omittingEmptySubsequences: false) { $0.isNewline }
            if lines.last?.isEmpty == true { lines.removeLast() }
            return .list(lines.map { .string(String($0)) })
        },
        TemplateFilter(
            name: "contains", summary: "Whether a text or list holds something.", usage: "contains(part)",
            arguments: 1...1
        ) { value, arguments in
            if let items = value.asList { return .bool(items.contains(arguments[0])) }
            return .bool(try value.filterText().contains(try arguments[0].filterText()))
        },
        TemplateFilter(
            name: "starts_with", summary: "Whether a text begins with another.", usage: "starts_with(prefix)",
            arguments: 1...1
        ) { .bool(try $0.filterText().hasPrefix(try $1[0].filterText())) },
        TemplateFilter(
            name: "ends_with", summary: "Whether a text ends with another.", usage: "ends_with(suffix)",
            arguments: 1...1
        ) { .bool(try $0.filterText().hasSuffix(try $1[0].filterText())) },
        TemplateFilter(name: "wordcount", summary: "How many words a text has.", usage: "wordcount") { value, _ in
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

    @Sendable private static func dedent(_ text: String) -> String {
        let lines = text.scalarLines
        let widths = lines.filter { !$0.allSatisfy(\.isWhitespace) }.map { $0.prefix { $0 == " " }.count }
        let width = widths.min() ?? 0
        return lines.map { $0.dropFirst(min(width, $0.prefix { $0 == " " }.count)) }.joined(separator: "\n")
    }
}

extension String {
    /// Split at each line feed, also at that of a CR LF, which is one character.
    fileprivate var scalarLines: [Substring] {
        unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { Substring($0) }
    }

    fileprivate var trimmed: String {
        var text = self[...]
        text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
