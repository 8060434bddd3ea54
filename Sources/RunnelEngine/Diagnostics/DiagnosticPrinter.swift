public import RunnelKit
public import YAML

/// Formats diagnostics like a compiler: position, message, the line with a caret, and a hint.
public struct DiagnosticPrinter: Sendable {
    private var sources: [String: YAMLSource]

    package init(sources: [YAMLSource]) {
        self.sources = Dictionary(sources.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// All of them, one below the other.
    public func text(_ diagnostics: some Sequence<Diagnostic>) -> String {
        diagnostics.map(text).joined(separator: "\n")
    }

    /// Position, message and hint in one line, for logs.
    public static func line(_ diagnostic: Diagnostic) -> String {
        let hint = diagnostic.hint.map { "; \($0)" } ?? ""
        return "\(place(of: diagnostic)): \(diagnostic.message) [\(diagnostic.code)]\(hint)"
    }

    private static func place(of diagnostic: Diagnostic) -> String {
        diagnostic.file + (diagnostic.range.map { ":\($0.start.line):\($0.start.column)" } ?? "")
    }

    /// The multi-line form, without a trailing line break.
    public func text(_ diagnostic: Diagnostic) -> String {
        // The code stands behind the first line: further ones may quote what a program wrote.
        let message = diagnostic.message.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        var text = "\(Self.place(of: diagnostic)): \(diagnostic.severity): \(message[0]) [\(diagnostic.code)]"
        if message.count > 1 { text += "\n" + message[1] }
        let number = diagnostic.range.map { String($0.start.line) } ?? ""
        let margin = String(repeating: " ", count: Swift.max(number.count, 3) + 2)
        if let range = diagnostic.range, let line = sources[diagnostic.file]?.line(range.start.line) {
            let (shown, caret) = Self.excerpt(of: line, range: range)
            text += "\n" + String(repeating: " ", count: margin.count - number.count) + "\(number) | \(shown)"
            text += "\n\(margin) | \(caret)"
        }
        if let hint = diagnostic.hint { text += "\n\(margin) = \(hint)" }
        return text
    }

    /// The part of the line around the range, and the marks below it.
    private static func excerpt(of line: Substring, range: YAMLRange) -> (line: String, caret: String) {
        let scalars = Array(line.unicodeScalars)
        let column = Swift.min(range.start.column - 1, scalars.count)
        let end = range.end.line == range.start.line ? Swift.min(range.end.column - 1, scalars.count) : scalars.count
        // A very long line is cut before the position.
        let first = column > 100 ? column - 60 : 0
        let last = Swift.min(scalars.count, first + 160)
        var shown = first > 0 ? "…" : ""
        shown.unicodeScalars.append(contentsOf: scalars[first..<last])
        if last < scalars.count { shown += "…" }
        // Tabs are kept, so that the caret is aligned.
        var caret = first > 0 ? " " : ""
        caret += scalars[first..<column].map { $0 == "\t" ? "\t" : " " }.joined()
        caret += "^" + String(repeating: "~", count: Swift.max(0, Swift.min(end, last) - column - 1))
        return (shown, caret)
    }

    /// The diagnostics as a JSON list, for editors and other programs.
    public static func json(_ diagnostics: some Sequence<Diagnostic>) -> Value {
        .list(
            diagnostics.map { diagnostic in
                var object: ValueObject = [
                    "code": .string(diagnostic.code), "severity": .string(diagnostic.severity.rawValue),
                    "file": .string(diagnostic.file),
                ]
                if let range = diagnostic.range {
                    object["line"] = .int(Int64(range.start.line))
                    object["column"] = .int(Int64(range.start.column))
                    object["end_line"] = .int(Int64(range.end.line))
                    object["end_column"] = .int(Int64(range.end.column))
                }
                object["message"] = .string(diagnostic.message)
                object["hint"] = diagnostic.hint.map { .string($0) }
                return .object(object)
            })
    }
}

extension Diagnostic {
    /// Converts an error of the YAML parser.
    ///
    /// - Parameters:
    ///   - error: It quotes nothing that may be a secret.
    ///   - source: The file, as it is shown with the error.
    public init(_ error: YAMLError, in source: YAMLSource) {
        let places = error.related.map {
            "line \($0.range.start.line), column \($0.range.start.column): \($0.message)"
        }
        let hints = places + [error.hint].compactMap(\.self)
        self.init(
            reported: error.code, file: source.name, range: error.range, error.message,
            hint: hints.isEmpty ? nil : hints.joined(separator: "; "))
        let line = error.range.start.line
        if let column = source.secretColumn(ofLine: line) {
            let start = YAMLPosition(line: line, column: column)
            hidden = [YAMLRange(start: start, end: YAMLPosition(line: line + 1, column: 1))]
        }
    }
}
