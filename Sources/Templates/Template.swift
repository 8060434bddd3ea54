public import RunnelKit

/// A template: text with values (`{{ … }}`), conditionals (`{% if %}`) and loops (`{% for %}`).
public struct Template: Sendable {
    /// Whether it is the same text whatever the values are: without expressions and tags, except `{% raw %}`.
    /// The text is ``literalPrefix``.
    public let isLiteral: Bool
    /// Whether it is a single `{{ … }}`, so that the value keeps its type.
    public let isSingleExpression: Bool
    /// All references, in the order of the text.
    public let references: [Reference]
    let nodes: [TemplateNode]

    /// The text before the first expression or tag.
    public var literalPrefix: String { Self.text(nodes) }
    /// The text after the last expression or tag.
    public var literalSuffix: String { isLiteral ? "" : Self.text(nodes.reversed().prefix(while: \.isText).reversed()) }

    private static func text(_ nodes: some Sequence<TemplateNode>) -> String {
        var text = ""
        for node in nodes {
            guard case .text(let piece) = node else { break }
            text += piece
        }
        return text
    }

    /// Parses a template. Parts with issues are left out of the result.
    public static func parse(
        _ text: String, environment: TemplateEnvironment = .standard
    ) -> (template: Template, issues: [TemplateIssue]) {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return (Template(nodes: [.text(text)]), []) }
        var parser = TemplateParser(Array(text.utf8), environment: environment)
        let nodes = parser.parse()
        return (Template(nodes: nodes), parser.issues.sorted { $0.utf8Range.lowerBound < $1.utf8Range.lowerBound })
    }

    private init(nodes: [TemplateNode]) {
        self.nodes = nodes
        isLiteral = nodes.allSatisfy(\.isText)
        isSingleExpression = if nodes.count == 1, case .expression = nodes[0] { true } else { false }
        references = nodes.flatMap { $0.references(locals: []) }
    }

    /// The expression of a template that is a single `{{ … }}`: its source form, and its range in the template's text.
    public var singleExpression: (text: String, utf8Range: Range<Int>)? {
        guard isSingleExpression, case .expression(let node) = nodes[0] else { return nil }
        return (node.written, node.range)
    }

    /// The value of a single expression, or the rendered text.
    ///
    /// In a text, a value that is missing, null or an empty string is an error, unless `default` handles it.
    public func render(
        _ scope: any TemplateScope, limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateFailure) -> Value {
        if isSingleExpression, case .expression(let node) = nodes[0] {
            return try ExpressionEvaluator(scope: scope, limits: limits).value(node)
        }
        var renderer = Renderer(scope: scope, limits: limits)
        try renderer.render(nodes, locals: [:])
        return .string(renderer.output)
    }
}

/// Limits on the output of a template.
public struct TemplateLimits: Sendable {
    /// In bytes of UTF-8.
    public var output = 16 << 20
    /// The total number of loop iterations.
    public var iterations = 1_000_000

    public init() {}
}

/// A single expression, as in `if:`.
public struct Expression: Sendable {
    /// All references.
    public let references: [Reference]
    /// The source text.
    public let text: String
    let node: ExpressionNode

    /// Parses an expression, with or without `{{ }}` around it.
    public static func parse(
        _ text: String, environment: TemplateEnvironment = .standard
    ) -> (expression: Expression?, issues: [TemplateIssue]) {
        let bytes = Array(text.utf8)
        var range = 0..<bytes.count
        let scanner = TemplateScanner(bytes)
        if text.drop(while: \.isWhitespace).hasPrefix("{{"), let issue = scanner.issues.first { return (nil, [issue]) }
        let pieces = scanner.pieces.filter { piece in
            guard case .text(let range) = piece else { return true }
            return !bytes[range].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        }
        if pieces.count == 1, case .expression(let inner, _) = pieces[0] { range = inner }
        do throws(TemplateIssue) {
            let node = try ExpressionParser.parse(bytes, in: range, environment: environment)
            return (Expression(references: node.references(locals: []), text: text, node: node), [])
        } catch {
            return (nil, [error])
        }
    }

    /// - Parameter missingIsNull: Whether a key that is not there is null instead of an error, for data whose shape
    ///   differs from case to case.
    public func evaluate(
        _ scope: any TemplateScope, missingIsNull: Bool = false
    ) throws(TemplateFailure) -> Value {
        try ExpressionEvaluator(scope: scope, limits: TemplateLimits(), missingIsNull: missingIsNull).value(node)
    }
}

/// A name that a template reads, with the static part of the path after it.
public struct Reference: Sendable, Hashable {
    /// A step of the path.
    public enum Element: Sendable, Hashable {
        /// The value of a key of an object.
        case key(String)
        /// An item of a list, counted from 0.
        case index(Int)
    }

    /// The first name, such as `steps`.
    public var root: String
    /// The elements after the root, up to the first one that is known only when the template is rendered.
    public var path: [Element]
    /// The range of the whole path in the template's text.
    public var utf8Range: Range<Int>
    /// Whether `default`, `??` or `is defined` handles a missing value.
    public var isOptional: Bool
}

/// The filters that templates can call: the standard ones and those of plugins.
public struct TemplateEnvironment: Sendable {
    private let filtersByName: [String: TemplateFilter]

    /// The standard filters alone.
    public static let standard = TemplateEnvironment(unchecked: StandardFilters.all)

    /// - Throws: A ``RegistryError`` for a duplicate filter name.
    public init(filters: [TemplateFilter] = []) throws(RegistryError) {
        var known = Set(StandardFilters.all.map(\.name))
        known.insert(Self.defaultFilter)
        for filter in filters where !known.insert(filter.name).inserted {
            throw RegistryError(message: "the filter \"\(filter.name)\" exists already; give it another name")
        }
        self.init(unchecked: StandardFilters.all + filters)
    }

    private init(unchecked filters: [TemplateFilter]) {
        filtersByName = Dictionary(filters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Handles missing values, so it is part of the language.
    static let defaultFilter = "default"

    /// All filters, by name.
    public var filters: [TemplateFilter] { filtersByName.values.sorted { $0.name < $1.name } }
    /// The names of all filters, with `default`, sorted.
    public var filterNames: [String] { (filtersByName.keys + [Self.defaultFilter]).sorted() }

    func filter(named name: String) -> TemplateFilter? { filtersByName[name] }

    /// The names of standard filters in other template languages, for suggestions.
    static let otherNames = [
        "json": "tojson", "to_json": "tojson", "from_json": "fromjson", "upcase": "upper", "uppercase": "upper",
        "downcase": "lower", "lowercase": "lower", "size": "length", "count": "length", "strip": "trim",
        "b64encode": "base64", "b64decode": "base64_decode", "url_encode": "urlencode", "startswith": "starts_with",
        "endswith": "ends_with", "d": "default", "capitalise": "capitalize",
    ]

    func suggestion(for name: String) -> String? {
        Self.otherNames[name] ?? filters.first { $0.otherNames.contains(name) }?.name
            ?? Suggestion.closest(to: name, among: filterNames)
    }
}

/// The variables that a template can use.
public protocol TemplateScope: Sendable {
    /// The value of a name; nil if there is no such name.
    func value(named name: String) -> Value?
    /// All names, for suggestions.
    var knownNames: [String] { get }
    /// The result of `now()` in nanoseconds since 1970. Constant while a template renders.
    var now: Int64 { get }
}

/// A scope that is a dictionary.
public struct DictionaryScope: TemplateScope {
    /// The values by name.
    public var values: ValueObject
    /// The result of `now()` in nanoseconds since 1970.
    public var now: Int64

    /// A scope; see the properties.
    public init(_ values: ValueObject, now: Int64 = 0) {
        self.values = values
        self.now = now
    }

    public func value(named name: String) -> Value? { values[name] }
    public var knownNames: [String] { values.keys }
}
