import RunnelKit

extension Template {
    /// The failures that do not depend on the values: `1 / 0`, `name + "!"`, `date("%b")`. They can be reported before a run
    /// reaches the place.
    public var certainFailures: [TemplateFailure] { nodes.flatMap(\.certainFailures) }
}

extension Expression {
    /// The failures that do not depend on the values; see ``Template/certainFailures``.
    public var certainFailures: [TemplateFailure] { node.certainFailures }
}

extension TemplateNode {
    fileprivate var certainFailures: [TemplateFailure] {
        switch self {
        case .text: []
        case .expression(let node): node.certainFailures
        case .branch(let branches, let otherwise):
            branches.flatMap { $0.condition.certainFailures + $0.body.flatMap(\.certainFailures) }
                + otherwise.flatMap(\.certainFailures)
        case .loop(let loop):
            loop.list.certainFailures + loop.body.flatMap(\.certainFailures) + loop.otherwise.flatMap(\.certainFailures)
        }
    }
}

extension ExpressionNode {
    fileprivate var certainFailures: [TemplateFailure] {
        do throws(TemplateFailure) {
            switch kind {
            case .binary(let op, let left, let right): try Arithmetic.check(op, left.constant, right.constant, self)
            case .negative(let inner): if let value = inner.constant { _ = try Arithmetic.negative(value, self) }
            case .filter(_, let filter, let arguments): try filter.check(arguments.map(\.constant), self)
            default: break
            }
        } catch {
            return [error]
        }
        return operands.flatMap(\.certainFailures)
    }

    /// The value of a literal or of a negative number; nil for others.
    private var constant: Value? {
        switch kind {
        case .literal(let value): value
        case .negative(let inner): inner.constant.flatMap { try? Arithmetic.negative($0, self) }
        default: nil
        }
    }

    private var operands: [ExpressionNode] {
        switch kind {
        case .literal, .name: []
        case .list(let items): items
        case .object(let members): members.map(\.value)
        case .member(let inner, _), .not(let inner), .negative(let inner), .isDefined(let inner), .isEmpty(let inner):
            [inner]
        case .element(let inner, let index): [inner, index]
        case .filter(let inner, _, let arguments): [inner] + arguments
        case .fallback(let inner, let other, _): [inner, other]
        case .function(_, let arguments): arguments
        case .binary(_, let left, let right): [left, right]
        case .conditional(let then, let condition, let otherwise): [then, condition, otherwise]
        }
    }
}

extension TemplateFilter {
    fileprivate func check(_ arguments: [Value?], _ node: ExpressionNode) throws(TemplateFailure) {
        do {
            try checkArguments(arguments)
        } catch {
            throw .filter(error, node)
        }
    }
}
