public import RunnelKit

/// A text in which `{{ … }}` stands for values, and `{% if %}` and `{% for %}` choose and repeat.
public struct Template: Sendable {
    /// Whether nothing in it has to be rendered.
    public let isLiteral: Bool
    /// Whether it is one `{{ … }}` and nothing else, so that the value keeps its type.
    public let isSingleExpression: Bool
    /// Everything it reads, in the order of the text.
    public let references: [Reference]
    private let nodes: [TemplateNode]

    /// What stands before the first expression or tag.
    public var literalPrefix: String { Self.text(nodes) }
    /// What stands behind the last expression or tag.
    public var literalSuffix: String { isLiteral ? "" : Self.text(nodes.reversed().prefix(while: \.isText).reversed()) }

    private static func text(_ nodes: some Sequence<TemplateNode>) -> String {
        var text = ""
        for node in nodes {
            guard case .text(let piece) = node else { break }
            text += piece
        }
        return text
    }

    /// The template, and what is wrong with it. Where something is wrong, the template lacks that part.
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

    /// Of a template that is one `{{ … }}` and nothing else: the expression as an author would write it, and its place
    /// in the template's text.
    public var singleExpression: (text: String, utf8Range: Range<Int>)? {
        guard isSingleExpression, case .expression(let node) = nodes[0] else { return nil }
        return (node.written, node.range)
    }

    /// The value of a single expression, or the text with every value in its place.
    ///
    /// In a text a value that is missing, null or an empty string is a failure, unless `default` answers for it.
    public func render(
        _ scope: any TemplateScope, limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateFailure) -> Value {
        if isSingleExpression, case .expression(let node) = nodes[0] {
            return try Evaluator(scope: scope, limits: limits).value(node)
        }
        var renderer = Renderer(scope: scope, limits: limits)
        try renderer.render(nodes, locals: [:])
        return .string(renderer.output)
    }
}

/// How much a template may produce.
public struct TemplateLimits: Sendable {
    /// In bytes of UTF-8.
    public var output = 16 << 20
    /// How often the bodies of all loops together may be rendered.
    public var iterations = 1_000_000

    public init() {}
}
