public import RunnelKit

/// A single expression, as it stands behind `if:`.
public struct Expression: Sendable {
    /// Everything it reads.
    public let references: [Reference]
    /// As it was written.
    public let text: String
    private let node: ExpressionNode

    /// The expression, and what is wrong with it. The `{{ }}` around it may be there or not.
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

    public func evaluate(_ scope: any TemplateScope) throws(TemplateFailure) -> Value {
        try Evaluator(scope: scope, limits: TemplateLimits()).value(node)
    }
}
