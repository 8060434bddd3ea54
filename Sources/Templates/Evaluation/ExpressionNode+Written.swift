import RunnelKit

extension ExpressionNode {
    /// The expression as an author would write it, for messages.
    var written: String {
        switch kind {
        case .literal(let value): value.quoted(limit: 40)
        case .list(let items): "[\(items.map(\.written).joined(separator: ", "))]"
        case .object(let members): "{\(members.map { "\"\($0.key)\": \($0.value.written)" }.joined(separator: ", "))}"
        case .name(let name): name
        case .member(let inner, let key): "\(inner.written(in: .postfix)).\(key)"
        case .element(let inner, let index): "\(inner.written(in: .postfix))[\(index.written)]"
        case .filter(let inner, let filter, let arguments):
            "\(inner.written(in: .postfix)) | \(filter.name)\(Self.call(arguments))"
        case .fallback(let inner, let other, let coversEmpty):
            coversEmpty
                ? "\(inner.written(in: .postfix)) | default(\(other.written))"
                : "\(inner.written(in: .operand(4))) ?? \(other.written(in: .operand(3)))"
        case .function(let function, let arguments):
            "\(function.rawValue)(\(arguments.map(\.written).joined(separator: ", ")))"
        case .not(let inner): "not \(inner.written(in: .operand(4)))"
        case .negative(let inner): "-\(inner.written(in: .operand(8)))"
        case .binary(let op, let left, let right):
            "\(left.written(in: .operand(op.precedence))) \(op.rawValue) \(right.written(in: .operand(op.precedence + 1)))"
        case .conditional(let then, let condition, let otherwise):
            "\(then.written(in: .operand(0))) if \(condition.written(in: .operand(0))) else \(otherwise.written)"
        case .isDefined(let inner): "\(inner.written(in: .operand(4))) is defined"
        case .isEmpty(let inner): "\(inner.written(in: .operand(4))) is empty"
        }
    }

    /// Where an expression stands in another.
    private enum Place {
        /// Before a dot, a bracket or a filter.
        case postfix
        /// Beside an operator that binds as strongly as this.
        case operand(Int)
    }

    /// With parentheses where it would mean something else without.
    private func written(in place: Place) -> String {
        let strength: Int
        switch kind {
        case .conditional: strength = -1
        case .binary(let op, _, _): strength = op.precedence
        case .fallback(_, _, coversEmpty: false): strength = 3
        case .not, .isDefined, .isEmpty: strength = 4
        case .negative: strength = 8
        default: return written
        }
        switch place {
        case .operand(let needed) where strength >= needed: return written
        default: return "(\(written))"
        }
    }

    private static func call(_ arguments: [ExpressionNode]) -> String {
        arguments.isEmpty ? "" : "(\(arguments.map(\.written).joined(separator: ", ")))"
    }
}
