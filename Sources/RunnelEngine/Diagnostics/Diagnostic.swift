public import RunnelKit
public import YAML

/// A diagnostic about a user's file: message, position and hint.
public struct Diagnostic: Error, Sendable, Hashable {
    public enum Severity: String, Sendable, Hashable, Comparable {
        /// The file is not used until it is fixed.
        case error
        /// The file is used, but probably does not do what was intended.
        case warning

        public static func < (left: Severity, right: Severity) -> Bool { left == .error && right == .warning }
    }

    /// A stable code in kebab case: `unknown-step`.
    public var code: String
    public var severity: Severity
    /// The path as given on the command line.
    public var file: String
    /// The range; nil if it concerns the whole file.
    public var range: YAMLRange?
    /// One sentence that quotes the offending value.
    public var message: String
    /// A hint, such as `did you mean "file.read"?`.
    public var hint: String?

    /// A diagnostic with a code that is declared.
    public init(
        _ code: any ErrorCode, _ severity: Severity = .error, file: String, range: YAMLRange?, _ message: String,
        hint: String? = nil
    ) {
        self.init(reported: code.rawValue, severity, file: file, range: range, message, hint: hint)
    }

    /// A diagnostic whose code comes from elsewhere, such as from a field, a template or a schema.
    public init(
        reported code: String, _ severity: Severity = .error, file: String, range: YAMLRange?, _ message: String,
        hint: String? = nil
    ) {
        self.code = code
        self.severity = severity
        self.file = file
        self.range = range
        self.message = message
        self.hint = hint
    }
}

extension Sequence<Diagnostic> {
    /// Sorted by file, then by position; diagnostics of a whole file come first.
    public func sortedByPlace() -> [Diagnostic] {
        sorted { left, right in
            if left.file != right.file { return left.file < right.file }
            let top = YAMLPosition(line: 0, column: 0)
            let (leftStart, rightStart) = (left.range?.start ?? top, right.range?.start ?? top)
            return leftStart == rightStart ? left.message < right.message : leftStart < rightStart
        }
    }

    public var hasErrors: Bool { contains { $0.severity == .error } }
}
