import RunnelSupport

/// The reason why a text is not a valid YAML document.
public struct YAMLError: Error, Sendable {
    /// A related position, such as the first of two equal keys.
    public struct RelatedPlace: Sendable, Hashable {
        /// A sentence that says what is there.
        public var message: String
        /// Where it is.
        public var range: YAMLRange

        /// A place and what is there.
        public init(message: String, range: YAMLRange) {
            self.message = message
            self.range = range
        }
    }

    /// A stable code in kebab case for programs: `duplicate-key`.
    public var code: String
    /// A sentence that quotes the offending text.
    public var message: String
    /// The position of the error.
    public var range: YAMLRange
    /// The text. Empty when the file is too large to be kept or cannot be decoded at all.
    public var source: YAMLSource
    /// A suggestion how to fix it.
    public var hint: String?
    /// Related positions.
    public var related: [RelatedPlace]

    /// An error at a place in a text.
    package init(
        code: YAMLErrorCode, message: String, range: YAMLRange, source: YAMLSource, hint: String? = nil,
        related: [RelatedPlace] = []
    ) {
        self.code = code.rawValue
        self.message = message
        self.range = range
        self.source = source
        self.hint = hint
        self.related = related
    }

    /// The name of the file, as the caller gave it.
    public var file: String { source.name }
}

extension YAMLError: CustomStringConvertible {
    /// The error in the format of a compiler: file, line and column, message, the line with a caret; then related
    /// positions in the same format, and the hint.
    public var description: String {
        var parts = [
            "\(file):\(range.start.line):\(range.start.column): error: \(message) [\(code)]",
            source.excerpt(range),
        ]
        for place in related {
            parts.append("\(file):\(place.range.start.line):\(place.range.start.column): note: \(place.message)")
            parts.append(source.excerpt(place.range))
        }
        if let hint { parts.append("hint: \(hint)") }
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}

extension YAMLSource {
    /// The line where a range starts, with a caret under its first character and `~` under the others:
    ///
    ///       3 | retry: { attemps: 3 }
    ///         |          ^~~~~~~
    ///
    /// Long lines are truncated around the position, control characters are replaced by their pictures (`␛`), and East
    /// Asian wide characters count as two columns. Empty if there is no such line or no text, and in a text of secrets.
    public func excerpt(_ range: YAMLRange) -> String {
        guard !text.isEmpty, !isSecret, let line = line(range.start.line) else { return "" }
        var window = ExcerptWindow(line: line, around: range.start.column)
        let endColumn = range.end.line == range.start.line ? range.end.column : Int.max
        window.mark(from: range.start.column, to: max(endColumn, range.start.column + 1))
        let number = String(range.start.line)
        let gutter = String(repeating: " ", count: max(0, 4 - number.count))
        let blank = String(repeating: " ", count: gutter.count + number.count)
        return "\(gutter)\(number) | \(window.text)\n\(blank) | \(window.marks)"
    }
}

/// The visible part of a line, and the marks under it.
private struct ExcerptWindow {
    private static let before = 80
    private static let length = 120
    private var scalars: [Unicode.Scalar] = []
    private let firstColumn: Int
    private let isCutBefore: Bool
    private let isCutAfter: Bool
    private(set) var marks = ""

    init(line: Substring, around column: Int) {
        let skipped = max(0, column - 1 - Self.before)
        let rest = line.unicodeScalars.dropFirst(skipped)
        scalars = Array(rest.prefix(Self.length))
        firstColumn = skipped + 1
        isCutBefore = skipped > 0
        isCutAfter = rest.dropFirst(Self.length).first != nil
    }

    var text: String {
        var text = String(String.UnicodeScalarView(scalars.map(Self.picture)))
        while text.last == " " { text.removeLast() }
        return (isCutBefore ? "…" : "") + text + (isCutAfter ? "…" : "")
    }

    mutating func mark(from start: Int, to end: Int) {
        var marks = isCutBefore ? " " : ""
        for (offset, scalar) in scalars.enumerated() where firstColumn + offset < start {
            marks += scalar == "\t" ? "\t" : String(repeating: " ", count: scalar.terminalWidth)
        }
        marks += "^"
        let marked = scalars.enumerated().filter { start...max(start, end - 1) ~= firstColumn + $0.offset }
        let cells = marked.reduce(0) { $0 + $1.element.terminalWidth }
        self.marks = marks + String(repeating: "~", count: max(0, cells - 1))
    }

    private static func picture(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x09: scalar
        case 0..<0x20: Unicode.Scalar(0x2400 + scalar.value) ?? "?"
        case 0x7F: "\u{2421}"
        case 0x80..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: "\u{FFFD}"
        default: scalar
        }
    }
}
