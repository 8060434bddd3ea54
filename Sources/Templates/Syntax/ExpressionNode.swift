import RunnelKit

/// A part of a parsed expression, with its place in the template's text.
struct ExpressionNode: Sendable {
    indirect enum Kind: Sendable {
        case literal(Value)
        case list([ExpressionNode])
        case object([(key: String, value: ExpressionNode)])
        case name(String)
        case member(ExpressionNode, String)
        case element(ExpressionNode, ExpressionNode)
        case filter(ExpressionNode, TemplateFilter, [ExpressionNode])
        /// The value, or the other one where it is missing or null; `coversEmpty`: also where it is "".
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

    /// Whether an empty result is what the author asked for, rather than a hole.
    var mayBeEmpty: Bool {
        switch kind {
        case .literal, .fallback: true
        default: false
        }
    }

    /// Everything the expression reads, without the names in `locals`.
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
                    // What stands behind is known only when it is rendered.
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

    /// How strongly it binds; more is tighter.
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

/// What can be called with parentheses.
enum Function: String, CaseIterable, Sendable {
    case now, today, range

    var arguments: ClosedRange<Int> { self == .range ? 1...3 : 0...0 }
}
