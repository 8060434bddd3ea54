/// Why a template could not be rendered with the values that were there.
public struct TemplateFailure: Error, Sendable, Hashable {
    /// Stable and in kebab case: `missing-value`, `empty-value`, `bad-operand`.
    public var code: String
    /// Names the expression and what was wrong with it.
    public var message: String
    /// In the template's text.
    public var utf8Range: Range<Int>
    public var hint: String?
    /// Whether something was not there, which `default`, `??` and `is defined` can answer.
    var isMissing: Bool

    /// A null where a text is needed.
    static func empty(_ node: ExpressionNode) -> TemplateFailure {
        TemplateFailure(
            "empty-value", "`\(node.written)` is null", node.range,
            hint: "write `| default(\"…\")` behind it if it may be missing")
    }

    public init(
        _ code: String, _ message: String, _ utf8Range: Range<Int>, hint: String? = nil, isMissing: Bool = false
    ) {
        self.code = code
        self.message = message
        self.utf8Range = utf8Range
        self.hint = hint
        self.isMissing = isMissing
    }
}
