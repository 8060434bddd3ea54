import RunnelKit

extension ExpressionNode {
    /// The expression as an author would write it, for messages.
    var written: String {
        switch kind {
        case .literal(let value): value.quoted(limit: 40)
        case .list(let items): "[\(items.map(\.written).joined(separator: ", "))]"
        case .object(let members): "{\(members.map { "\"\($0.key)\": \($0.value.written)" }.joined(separator: ", "))}"
        case .name(let name): name
        case .member(let inner, let key): "\(inner.written).\(key)"
        case .element(let inner, let index): "\(inner.written)[\(index.written)]"
        case .filter(let inner, let filter, let arguments):
            "\(inner.written) | \(filter.name)\(Self.call(arguments))"
        case .fallback(let inner, let other, let coversEmpty):
            coversEmpty ? "\(inner.written) | default(\(other.written))" : "\(inner.written) ?? \(other.written)"
        case .function(let function, let arguments):
            "\(function.rawValue)(\(arguments.map(\.written).joined(separator: ", ")))"
        case .not(let inner): "not \(inner.written)"
        case .negative(let inner): "-\(inner.written)"
        case .binary(let op, let left, let right): "\(left.written) \(op.rawValue) \(right.written)"
        case .conditional(let then, let condition, let otherwise):
            "\(then.written) if \(condition.written) else \(otherwise.written)"
        case .isDefined(let inner): "\(inner.written) is defined"
        case .isEmpty(let inner): "\(inner.written) is empty"
        }
    }

    private static func call(_ arguments: [ExpressionNode]) -> String {
        arguments.isEmpty ? "" : "(\(arguments.map(\.written).joined(separator: ", ")))"
    }
}
