/// What is wrong with the text of a template or expression, found before anything is rendered.
public struct TemplateIssue: Error, Sendable, Hashable {
    /// Stable and in kebab case: `unknown-filter`, `bad-expression`.
    public var code: String
    public var message: String
    /// In the template's text.
    public var utf8Range: Range<Int>
    public var hint: String?

    public init(_ code: String, _ message: String, _ utf8Range: Range<Int>, hint: String? = nil) {
        self.code = code
        self.message = message
        self.utf8Range = utf8Range
        self.hint = hint
    }
}
