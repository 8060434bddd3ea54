public import RunnelKit
import RunnelSupport
import Templates
public import YAML

/// A diagnostic about a user's file: message, position and hint.
public struct Diagnostic: Error, Sendable, Hashable {
    /// Whether the file can be used.
    public enum Severity: String, Sendable, Hashable, Comparable {
        /// The file is not used until it is fixed.
        case error
        /// The file is used, but probably does not do what was intended.
        case warning

        /// An error is more severe than a warning.
        public static func < (left: Severity, right: Severity) -> Bool { left == .error && right == .warning }
    }

    /// A stable code in kebab case: `unknown-step`.
    public var code: String
    package var severity: Severity
    /// The path as given on the command line.
    public var file: String
    /// The range; nil if it concerns the whole file.
    public var range: YAMLRange?
    /// One sentence that quotes the offending value.
    public var message: String
    /// A hint, such as `did you mean "file.read"?`.
    public var hint: String?
    /// The parts of the shown lines that may be secrets.
    package var hidden: [YAMLRange] = []

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

    package var hasErrors: Bool { contains { $0.severity == .error } }
}

/// Collects the diagnostics of one file, up to a number: a generated file can have one in every place.
package struct DiagnosticList {
    let source: YAMLSource
    /// Whether the file is the stored definition of a run. An older version of Runnel with fewer checks may have accepted
    /// it; checks that are new must not fail the run.
    let isStored: Bool
    package private(set) var items: [Diagnostic] = []
    private var errors = 0
    /// Whether errors were turned into warnings.
    private var hadErrors = false
    /// The places of what may be a secret by its schema.
    private var secrets: Set<YAMLRange> = []
    /// The places of literal secrets, whether or not a diagnostic shows them; see ``conceal(in:references:byName:)``.
    private(set) var literals: [YAMLRange] = []

    /// The highest number of errors, and of warnings.
    static let maximum = 200

    package init(source: YAMLSource, isStored: Bool = false) {
        self.source = source
        self.isStored = isStored
    }

    /// Has ``conceal(in:references:byName:)`` remove what the nodes hold.
    mutating func addSecrets(_ nodes: [YAMLNode]) {
        secrets.formUnion(nodes.map(\.range))
    }

    /// Rewrites the diagnostics inside `range`.
    mutating func rewrite(in range: YAMLRange, _ change: (inout Diagnostic) -> Void) {
        for index in items.indices {
            guard let start = items[index].range?.start, start >= range.start, start <= range.end else { continue }
            change(&items[index])
        }
    }

    /// Turns errors into warnings.
    ///
    /// - Parameter index: That of the first item to change.
    mutating func turnErrorsIntoWarnings(from index: Int) {
        for index in items.indices[index...] where items[index].severity == .error {
            items[index].severity = .warning
            errors -= 1
            hadErrors = true
        }
    }

    mutating func add(
        _ code: any ErrorCode, _ severity: Diagnostic.Severity, _ range: YAMLRange?, _ message: String,
        hint: String? = nil
    ) {
        add(reported: code.rawValue, severity, range, message, hint: hint)
    }

    package mutating func error(_ code: any ErrorCode, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
        add(code, .error, node?.range, message, hint: hint)
    }

    /// Adds an error whose code comes from elsewhere.
    package mutating func error(reported: String, _ node: YAMLNode?, _ message: String, hint: String? = nil) {
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
        let isError = severity == .error
        let count = isError ? errors : items.count - errors
        guard count < Self.maximum else {
            guard isError, count == Self.maximum else { return }
            errors += 1
            return items.append(
                Diagnostic(
                    PipelineErrorCode.tooManyProblems, .error, file: source.name, range: range,
                    "there are more than \(Self.maximum) errors; the others are not shown",
                    hint: "correct these, and check the file again"))
        }
        if isError { errors += 1 }
        let quotes = isError ? range.flatMap { LookalikeHint.quote(at: $0.start, in: source) } : nil
        items.append(
            Diagnostic(reported: reported, severity, file: source.name, range: range, message, hint: quotes ?? hint))
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
        // Finding the place takes as long as the text is.
        guard errors <= Self.maximum else { return }
        add(reported: reported, .error, source.range(ofUTF8Range: utf8Range, in: node), message, hint: hint)
    }

    /// Adds what fails in a template or expression whatever the values are; in a run that has begun, only when it is reached.
    mutating func report(_ failures: [TemplateFailure], in node: YAMLNode) {
        guard !isStored else { return }
        for failure in failures {
            error(
                reported: failure.code, in: node, utf8Range: failure.utf8Range, failure.message, hint: failure.hint)
        }
    }
}

extension DiagnosticList {
    /// What a diagnostic must not show of a scalar.
    private struct Concealed {
        /// How messages quote it, and what they show instead.
        typealias Words = [(quoted: String, shown: String)]

        let place: YAMLRange
        let hidden: [YAMLRange]
        let words: Words

        /// All of a text or number; nil for what is no secret: null, true and false, nothing, and a text with templates.
        init?(_ node: YAMLNode) {
            let value = Value(node)
            switch value {
            case .string(let text) where !text.isEmpty && !text.contains("{{"):
                words = Self.words(value, shown: "***")
            case .int, .double: words = [(value.foundText, "a number")]
            default: return nil
            }
            (place, hidden) = (node.range, [node.range])
        }

        /// The credentials of a URL.
        init?(url text: String, _ node: YAMLNode, in source: YAMLSource) {
            // In a text that only mentions a URL, a "?" is punctuation.
            let isURL = text.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }.contains("://")
            let all = isURL ? URLCredentials.ranges(in: text) : [URLCredentials.range(in: text)].compactMap(\.self)
            let ranges = all.filter { !text[$0].contains("{{") }
            // The ranges come first: few texts have any, and all texts of a file are asked.
            guard !ranges.isEmpty, text.contains("://") else { return nil }
            place = node.range
            hidden = ranges.map {
                source.range(
                    ofUTF8Range: text[..<$0.lowerBound].utf8.count..<text[..<$0.upperBound].utf8.count, in: node)
            }
            words = Self.words(.string(text), shown: URLCredentials.masked(text))
        }

        private static func words(_ value: Value, shown: String) -> Words {
            let shown = Value.string(shown)
            return [(value.json(), shown.json()), (value.quoted(), shown.quoted())]
        }
    }

    /// Removes what may be a secret from messages and from the lines that they show: the texts behind a ``SecretKey``, and
    /// behind an unknown key that is close to one; those that are secrets by their schema; and the credentials of URLs. A
    /// text with templates is none. In a file without errors, a value is no literal secret (``literals``) by its key's name
    /// alone.
    ///
    /// - Parameters:
    ///   - references: Keys whose values are names, also in the place of a secret: `{ secret: NAME }`.
    ///   - byName: Whether the names of keys count.
    mutating func conceal(in root: YAMLNode?, references: Set<String> = [], byName: Bool = true) {
        guard let root else { return }
        let hasErrors = hadErrors || items.hasErrors
        let unknown = items.filter { $0.code == PipelineErrorCode.unknownKey.rawValue }.compactMap(\.range)
        func isSecret(_ key: YAMLNode) -> Bool {
            guard byName else { return false }
            return SecretKey.matches(key.keyText)
                || unknown.contains(key.range) && Suggestion.closest(to: key.keyText, among: SecretKey.names) != nil
        }
        var concealed: [Concealed] = []
        var literals: [YAMLRange] = []
        /// - Parameters:
        ///   - isDeclared: Whether it is a secret by its schema.
        ///   - isNamed: Whether it may be one by the name of a key.
        func find(in node: YAMLNode, isDeclared: Bool, isNamed: Bool) {
            let isDeclared = isDeclared || secrets.contains(node.range)
            switch node.content {
            case .scalar:
                let found =
                    isDeclared || isNamed
                    ? Concealed(node) : node.asString.flatMap { Concealed(url: $0, node, in: source) }
                guard let found else { return }
                concealed.append(found)
                if isDeclared || !isNamed || hasErrors { literals += found.hidden }
            case .sequence(let items):
                for item in items { find(in: item, isDeclared: isDeclared, isNamed: isNamed) }
            case .mapping(let pairs):
                for pair in pairs {
                    let isName = pairs.count == 1 && pair.value.isScalar && references.contains(pair.key.keyText)
                    find(
                        in: pair.value, isDeclared: isDeclared && !isName,
                        isNamed: !isName && (isNamed || isSecret(pair.key)))
                }
            }
        }
        find(in: root, isDeclared: false, isNamed: false)
        self.literals = literals
        for index in items.indices {
            guard let start = items[index].range?.start else { continue }
            items[index].hidden = concealed.flatMap(\.hidden)
                .filter { $0.start.line <= start.line && start.line <= $0.end.line }
            for secret in concealed where secret.place.start <= start && start < secret.place.end {
                for (quoted, shown) in secret.words {
                    items[index].message = items[index].message.replacing(quoted, with: shown)
                    items[index].hint = items[index].hint?.replacing(quoted, with: shown)
                }
            }
        }
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
