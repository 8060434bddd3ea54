public import YAML

/// Something to say about a file that a person wrote: what, where, and what to do.
public struct Diagnostic: Error, Sendable, Hashable {
    public enum Severity: String, Sendable, Hashable, Comparable {
        /// Nothing runs until it is mended.
        case error
        /// It runs, but probably not as meant.
        case warning

        public static func < (left: Severity, right: Severity) -> Bool { left == .error && right == .warning }
    }

    /// Stable and in kebab case: `unknown-step`.
    public var code: String
    public var severity: Severity
    /// As it was named on the command line.
    public var file: String
    /// nil where it concerns the file as a whole.
    public var range: YAMLRange?
    /// One sentence that quotes the offending value.
    public var message: String
    /// What to do, such as `did you mean "file.read"?`.
    public var hint: String?

    public init(
        _ code: String, _ severity: Severity = .error, file: String, range: YAMLRange?, _ message: String,
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
    /// By file, then by place; what concerns a whole file first.
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
