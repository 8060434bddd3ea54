public import RunnelKit

/// An error in the text of a template or expression, found when it is parsed.
public struct TemplateIssue: Error, Sendable, Hashable {
    /// Stable and in kebab case: `unknown-filter`, `bad-expression`.
    public var code: String
    /// A message that quotes the expression.
    public var message: String
    /// The range in the template's text.
    public var utf8Range: Range<Int>
    /// What to do about it.
    public var hint: String?

    /// An error; see the properties.
    public init(_ code: TemplateErrorCode, _ message: String, _ utf8Range: Range<Int>, hint: String? = nil) {
        self.code = code.rawValue
        self.message = message
        self.utf8Range = utf8Range
        self.hint = hint
    }
}

/// An error of rendering a template, with its position in the template.
public struct TemplateFailure: Error, Sendable, Hashable {
    /// Stable and in kebab case: `missing-value`, `empty-value`, `bad-operand`.
    public var code: String
    /// A message that quotes the expression.
    public var message: String
    /// The range in the template's text.
    public var utf8Range: Range<Int>
    /// What to do about it.
    public var hint: String?
    /// Whether a value was missing, which `default`, `??` and `is defined` handle.
    var isMissing: Bool

    /// The error for null in a text.
    static func empty(_ node: ExpressionNode) -> TemplateFailure {
        TemplateFailure(
            TemplateErrorCode.emptyValue, "`\(node.written)` is null", node.range,
            hint: "add `| default(\"…\")` if it may be missing")
    }

    /// What a filter throws.
    static func filter(_ error: any Error, _ node: ExpressionNode) -> TemplateFailure {
        let known = error as? FilterError
        return TemplateFailure(
            reported: known?.code ?? TemplateErrorCode.filterFailed.rawValue,
            "`\(node.written)`: \(known?.message ?? "\(error)")", node.range)
    }

    /// A failure with a code that is declared.
    public init(
        _ code: any ErrorCode, _ message: String, _ utf8Range: Range<Int>, hint: String? = nil, isMissing: Bool = false
    ) {
        self.init(reported: code.rawValue, message, utf8Range, hint: hint, isMissing: isMissing)
    }

    /// A failure whose code comes from elsewhere, such as from a plugin's filter.
    public init(
        reported code: String, _ message: String, _ utf8Range: Range<Int>, hint: String? = nil,
        isMissing: Bool = false
    ) {
        self.code = code
        self.message = message
        self.utf8Range = utf8Range
        self.hint = hint
        self.isMissing = isMissing
    }
}
