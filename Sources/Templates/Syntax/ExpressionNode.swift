import RunnelKit

/// A node of a parsed expression, with its range in the template's text.
struct ExpressionNode: Sendable {
    indirect enum Kind: Sendable {
        case literal(Value)
        case list([ExpressionNode])
        case object([(key: String, value: ExpressionNode)])
        case name(String)
        case member(ExpressionNode, String)
        case element(ExpressionNode, ExpressionNode)
        case filter(ExpressionNode, TemplateFilter, [ExpressionNode])
        /// The value, or the other one if it is missing or null; `coversEmpty`: also where it is "".
        case fallback(ExpressionNode, ExpressionNode, coversEmpty: Bool)
        case function(Function, [ExpressionNode])
        case not(ExpressionNode)
        case negative(ExpressionNode)
        case binary(BinaryOperator, ExpressionNode, ExpressionNode)
        case conditional(then: ExpressionNode, condition: ExpressionNode, otherwise: ExpressionNode)
        case isDefined(ExpressionNode)
        case isEmpty(ExpressionNode)
    }

    let kind: Kind
    let range: Range<Int>

    /// Whether an empty result is intended and therefore no error.
    var mayBeEmpty: Bool {
        switch kind {
        case .literal, .fallback: true
        default: false
        }
    }

    /// All references of the expression, except for the names in `locals`.
    func references(locals: Set<String>, isOptional: Bool = false) -> [Reference] {
        switch kind {
        case .literal: []
        case .list(let items): items.flatMap { $0.references(locals: locals) }
        case .object(let members): members.flatMap { $0.value.references(locals: locals) }
        case .name, .member, .element: pathReferences(locals: locals, isOptional: isOptional)
        case .filter(let value, _, let arguments):
            value.references(locals: locals, isOptional: isOptional)
                + arguments.flatMap { $0.references(locals: locals) }
        case .fallback(let value, let other, _):
            value.references(locals: locals, isOptional: true)
                + other.references(locals: locals, isOptional: isOptional)
        case .function(_, let arguments): arguments.flatMap { $0.references(locals: locals) }
        case .not(let value), .negative(let value): value.references(locals: locals)
        case .binary(_, let left, let right): left.references(locals: locals) + right.references(locals: locals)
        case .conditional(let then, let condition, let otherwise):
            [condition, then, otherwise].flatMap { $0.references(locals: locals) }
        case .isDefined(let value), .isEmpty(let value): value.references(locals: locals, isOptional: true)
        }
    }

    private func pathReferences(locals: Set<String>, isOptional: Bool) -> [Reference] {
        var path: [Reference.Element] = []
        var others: [Reference] = []
        var node = self
        while true {
            switch node.kind {
            case .name(let root):
                guard !locals.contains(root) else { return others }
                return [Reference(root: root, path: path, utf8Range: range, isOptional: isOptional)] + others
            case .member(let inner, let key):
                path.insert(.key(key), at: 0)
                node = inner
            case .element(let inner, let index):
                switch index.kind {
                case .literal(.string(let key)): path.insert(.key(key), at: 0)
                case .literal(.int(let number)): path.insert(.index(Int(clamping: number)), at: 0)
                default:
                    // The rest of the path is known only when it is rendered.
                    path = []
                    others += index.references(locals: locals)
                }
                node = inner
            default: return node.references(locals: locals, isOptional: isOptional) + others
            }
        }
    }
}

enum BinaryOperator: String, Sendable {
    case or, and
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contained = "in"
    case notContained = "not in"
    case plus = "+"
    case minus = "-"
    case times = "*"
    case divided = "/"
    case remainder = "%"
    case joined = "~"

    /// The operator precedence; larger binds tighter.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .contained, .notContained: 4
        case .joined: 5
        case .plus, .minus: 6
        case .times, .divided, .remainder: 7
        }
    }
}

/// The functions, called with parentheses.
enum Function: String, CaseIterable, Sendable {
    case now, today, range

    var arguments: ClosedRange<Int> { self == .range ? 1...3 : 0...0 }
}

extension ExpressionNode {
    /// The source form of the expression, for messages.
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

    /// The position of an expression inside another.
    private enum Place {
        /// Before a dot, a bracket or a filter.
        case postfix
        /// An operand of an operator with this precedence.
        case operand(Int)
    }

    /// The source form, in parentheses if the position needs them.
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
