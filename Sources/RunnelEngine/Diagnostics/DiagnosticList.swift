import RunnelKit
import YAML

/// Collects the diagnostics of one file.
struct DiagnosticList {
    let source: YAMLSource
    private(set) var items: [Diagnostic] = []

    init(source: YAMLSource) {
        self.source = source
    }

    /// Rewrites the diagnostics inside `range`.
    mutating func rewrite(in range: YAMLRange, _ change: (inout Diagnostic) -> Void) {
        for index in items.indices {
            guard let start = items[index].range?.start, start >= range.start, start <= range.end else { continue }
            change(&items[index])
        }
    }

    mutating func add(
        _ code: any ErrorCode, _ severity: Diagnostic.Severity, _ range: YAMLRange?, _ message: String,
        hint: String? = nil
    ) {
        add(reported: code.rawValue, severity, range, message, hint: hint)
    }

    mutating func error(_ code: any ErrorCode, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
        add(code, .error, node?.range, message, hint: hint)
    }

    /// Adds an error whose code comes from elsewhere.
    mutating func error(reported: String, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
        add(reported: reported, .error, node?.range, message, hint: hint)
    }

    mutating func warning(_ code: any ErrorCode, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
        add(code, .warning, node?.range, message, hint: hint)
    }

    /// Adds a diagnostic whose code comes from elsewhere, such as from a field or a template.
    mutating func add(
        reported: String, _ severity: Diagnostic.Severity, _ range: YAMLRange?, _ message: String,
        hint: String? = nil
    ) {
        items.append(Diagnostic(reported: reported, severity, file: source.name, range: range, message, hint: hint))
    }

    /// Adds an error at a range of a scalar's text, such as an expression in a template.
    mutating func error(
        _ code: any ErrorCode, in node: YAMLNode, utf8Range: Range<Int>, _ message: String, hint: String? = nil
    ) {
        error(reported: code.rawValue, in: node, utf8Range: utf8Range, message, hint: hint)
    }

    /// Adds an error from elsewhere at a range of a scalar's text.
    mutating func error(
        reported: String, in node: YAMLNode, utf8Range: Range<Int>, _ message: String, hint: String? = nil
    ) {
        add(reported: reported, .error, source.range(ofUTF8Range: utf8Range, in: node), message, hint: hint)
    }
}

extension YAMLSource {
    /// The range in the file of a part of a scalar's value.
    func range(ofUTF8Range range: Range<Int>, in node: YAMLNode) -> YAMLRange {
        let start = position(ofUTF8Offset: range.lowerBound, in: node)
        let end = position(ofUTF8Offset: range.upperBound, in: node)
        return YAMLRange(start: start, end: Swift.max(start, end))
    }
}
