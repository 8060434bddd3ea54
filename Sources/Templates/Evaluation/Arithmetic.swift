import RunnelKit

/// Arithmetic (`+ - * / %`). Integers stay integers; overflow is an error.
enum Arithmetic {
    static func compute(
        _ op: BinaryOperator, _ left: Value, _ right: Value, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        if op == .plus, case .list(let first) = left, case .list(let second) = right { return .list(first + second) }
        try checkOperands(op, left, right, node)
        if case .int(let first) = left, case .int(let second) = right {
            // `Int64.min % -1` overflows; a remainder by -1 is always 0.
            if op == .remainder, second == -1 { return .int(0) }
            let (result, overflow): (Int64, Bool) =
                switch op {
                case .plus: first.addingReportingOverflow(second)
                case .minus: first.subtractingReportingOverflow(second)
                case .times: first.multipliedReportingOverflow(by: second)
                case .remainder: first.remainderReportingOverflow(dividingBy: second)
                default: first.dividedReportingOverflow(by: second)
                }
            guard !overflow else {
                throw TemplateFailure(
                    TemplateErrorCode.badOperand, "`\(node.written)`: the result does not fit 64 bits", node.range)
            }
            return op == .divided && first % second != 0 ? .double(Double(first) / Double(second)) : .int(result)
        }
        let (first, second) = (left.asDouble ?? 0, right.asDouble ?? 0)
        let result =
            switch op {
            case .plus: first + second
            case .minus: first - second
            case .times: first * second
            case .remainder: first.truncatingRemainder(dividingBy: second)
            default: first / second
            }
        guard result.isFinite else {
            throw TemplateFailure(
                TemplateErrorCode.badOperand, "`\(node.written)`: the result does not fit 64 bits", node.range)
        }
        return .double(result)
    }

    /// Throws what ``compute(_:_:_:_:)`` would throw whatever the operands are that are nil.
    static func check(
        _ op: BinaryOperator, _ left: Value?, _ right: Value?, _ node: ExpressionNode
    ) throws(TemplateFailure) {
        guard [.plus, .minus, .times, .divided, .remainder].contains(op) else { return }
        if let left, let right {
            _ = try compute(op, left, right, node)
        } else if op != .plus || (left ?? right)?.asList == nil {
            try checkOperands(op, left, right, node)
        }
    }

    private static func checkOperands(
        _ op: BinaryOperator, _ left: Value?, _ right: Value?, _ node: ExpressionNode
    ) throws(TemplateFailure) {
        func isNumber(_ value: Value?) -> Bool { value == nil || value?.asDouble != nil }
        guard isNumber(left), isNumber(right) else {
            let hint = op == .plus ? "texts are joined with `~`" : nil
            throw TemplateFailure(
                TemplateErrorCode.badOperand,
                "`\(node.written)`: cannot compute \(left?.shown ?? "…") \(op.rawValue) \(right?.shown ?? "…")",
                node.range, hint: hint)
        }
        if op == .divided || op == .remainder, right?.asDouble == 0 {
            throw TemplateFailure(TemplateErrorCode.badOperand, "`\(node.written)`: division by zero", node.range)
        }
    }

    static func negative(_ value: Value, _ node: ExpressionNode) throws(TemplateFailure) -> Value {
        switch value {
        case .int(let number) where number != .min: return .int(-number)
        case .double(let number): return .double(-number)
        default:
            throw TemplateFailure(
                TemplateErrorCode.badOperand, "`\(node.written)`: \(value.shown) has no negative", node.range)
        }
    }

    /// `range(end)`, `range(start, end)`, `range(start, end, step)`; the end is exclusive.
    static func range(_ arguments: [Value], _ node: ExpressionNode, limit: Int) throws(TemplateFailure) -> Value {
        let numbers = arguments.compactMap(\.asInt)
        guard numbers.count == arguments.count, numbers.count < 3 || numbers[2] != 0 else {
            throw TemplateFailure(
                TemplateErrorCode.badOperand, "`\(node.written)`: expected whole numbers, and no step of 0", node.range)
        }
        let start = numbers.count > 1 ? numbers[0] : 0
        let end = numbers.count > 1 ? numbers[1] : numbers[0]
        let step = numbers.count > 2 ? numbers[2] : 1
        // In floating point, because the difference of two 64-bit integers may overflow.
        guard (Double(end) - Double(start)) / Double(step) <= Double(limit) else {
            throw TemplateFailure(
                TemplateErrorCode.tooManyIterations, "`\(node.written)` has more than \(limit) items", node.range)
        }
        return .list(stride(from: start, to: end, by: Int(step)).map { .int($0) })
    }
}

/// The comparison operators and `in`.
enum Comparison {
    static func holds(
        _ op: BinaryOperator, _ left: Value, _ right: Value, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Bool {
        guard let isLess = Self.isLess(left, right), let isGreater = Self.isLess(right, left) else {
            throw TemplateFailure(
                TemplateErrorCode.badOperand,
                "`\(node.written)`: \(left.kindName) and \(right.kindName) cannot be compared", node.range)
        }
        return switch op {
        case .less: isLess
        case .lessOrEqual: isLess || left == right
        case .greater: isGreater
        default: isGreater || left == right
        }
    }

    /// Whether a text or a number is less than the other; nil if they cannot be compared.
    private static func isLess(_ left: Value, _ right: Value) -> Bool? {
        if case (.string(let left), .string(let right)) = (left, right) { return left < right }
        return left.isLess(than: right)
    }

    /// Whether `container` holds `item`: a part of a text, an item of a list, a key of an object.
    static func contains(
        _ container: Value, _ item: Value, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Bool {
        switch (container, item) {
        case (.list(let items), _): return items.contains(item)
        case (.object(let object), .string(let key)): return object[key] != nil
        case (.string(let text), .string(let part)): return text.holds(part)
        default:
            throw TemplateFailure(
                TemplateErrorCode.badOperand,
                "`\(node.written)`: \(item.kindName) cannot be looked for in \(container.kindName)", node.range)
        }
    }
}
