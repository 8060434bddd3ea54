import RunnelKit

/// Evaluates an expression.
struct ExpressionEvaluator {
    let scope: any TemplateScope
    let limits: TemplateLimits
    /// Whether a key or an item that is not there is null instead of an error.
    var missingIsNull = false
    /// Loop variables.
    var locals: [String: Value] = [:]

    func value(_ node: ExpressionNode) throws(TemplateFailure) -> Value {
        switch node.kind {
        case .literal(let value): return value
        case .list(let items): return .list(try values(items))
        case .object(let members):
            var object = ValueObject()
            for (key, member) in members { object[key] = try value(member) }
            return .object(object)
        case .name(let name): return try named(name, node)
        case .member(let inner, let key): return try member(of: inner, key, node)
        case .element(let inner, let index): return try element(of: inner, try value(index), node)
        case .filter(let inner, let filter, let arguments): return try apply(filter, to: inner, arguments, node)
        case .fallback(let inner, let other, let coversEmpty):
            if let value = try valueIfPresent(inner, emptyCounts: !coversEmpty) { return value }
            return try value(other)
        case .function(let function, let arguments): return try call(function, try values(arguments), node)
        case .not(let inner): return .bool(!(try value(inner).isTruthy))
        case .negative(let inner): return try Arithmetic.negative(try value(inner), node)
        case .binary(let op, let left, let right): return try binary(op, left, right, node)
        case .conditional(let then, let condition, let otherwise):
            return try value(condition).isTruthy ? value(then) : value(otherwise)
        case .isDefined(let inner): return .bool(try valueIfPresent(inner, emptyCounts: true) != nil)
        case .isEmpty(let inner):
            guard let value = try valueIfPresent(inner, emptyCounts: true) else { return true }
            return .bool(value.isHollow)
        }
    }

    private func values(_ nodes: [ExpressionNode]) throws(TemplateFailure) -> [Value] {
        var values: [Value] = []
        for node in nodes { values.append(try value(node)) }
        return values
    }

    /// The value; nil if it is missing or null, or an empty string and `emptyCounts` is false.
    private func valueIfPresent(_ node: ExpressionNode, emptyCounts: Bool) throws(TemplateFailure) -> Value? {
        do throws(TemplateFailure) {
            let value = try value(node)
            return value.isNull || (!emptyCounts && value == "") ? nil : value
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    // MARK: - Paths

    private func named(_ name: String, _ node: ExpressionNode) throws(TemplateFailure) -> Value {
        if let value = locals[name] ?? scope.value(named: name) { return value }
        let closest = Suggestion.closest(to: name, among: scope.knownNames + locals.keys.sorted())
        throw TemplateFailure(
            TemplateErrorCode.missingValue, "unknown name `\(name)`", node.range,
            hint: closest.map { "did you mean `\($0)`?" }
                ?? "known names: \(scope.knownNames.joined(separator: ", "))",
            isMissing: true)
    }

    private func member(
        of inner: ExpressionNode, _ key: String, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        let container = try value(inner)
        guard let object = container.asObject else {
            if missingIsNull { return .null }
            throw notThere(inner, container, node)
        }
        if let value = object[key] { return value }
        if missingIsNull { return .null }
        let closest = Suggestion.closest(to: key, among: object.keys)
        let keys = object.isEmpty ? "is empty" : "has the keys \(Self.list(object.keys))"
        throw TemplateFailure(
            TemplateErrorCode.missingValue, "`\(node.written)` is missing: `\(inner.written)` \(keys)", node.range,
            hint: closest.map { "did you mean `\($0)`?" } ?? "add `| default(\"…\")` if it may be missing",
            isMissing: true)
    }

    private func element(
        of inner: ExpressionNode, _ index: Value, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        let container = try value(inner)
        switch (container, index) {
        case (.object(let object), .string(let key)):
            if let value = object[key] { return value }
            if missingIsNull { return .null }
            throw TemplateFailure(
                TemplateErrorCode.missingValue, "`\(inner.written)` has no key \(index.shown)", node.range,
                hint: Suggestion.hint(for: key, among: object.keys), isMissing: true
            )
        case (.list(let items), .int(let number)):
            let position = number < 0 ? Int64(items.count) + number : number
            if position >= 0, position < items.count { return items[Int(position)] }
            if missingIsNull { return .null }
            throw TemplateFailure(
                TemplateErrorCode.missingValue,
                "`\(node.written)` is missing: `\(inner.written)` has \(items.count) item\(items.count == 1 ? "" : "s")",
                node.range, hint: "add `| default(\"…\")` if it may be missing", isMissing: true)
        case (.list, _), (.object, _):
            throw TemplateFailure(
                TemplateErrorCode.badOperand,
                "`\(inner.written)` is \(container.kindName), and \(index.shown) cannot be looked up in it",
                node.range)
        default:
            if missingIsNull { return .null }
            throw notThere(inner, container, node)
        }
    }

    private func notThere(_ inner: ExpressionNode, _ container: Value, _ node: ExpressionNode) -> TemplateFailure {
        let found = container.isNull ? "null" : "\(container.kindName), which has no keys"
        return TemplateFailure(
            TemplateErrorCode.missingValue, "`\(node.written)` is missing: `\(inner.written)` is \(found)", node.range,
            hint: "add `| default(\"…\")` if it may be missing", isMissing: true)
    }

    private static func list(_ keys: [String]) -> String {
        keys.count <= 12
            ? keys.joined(separator: ", ") : keys.prefix(12).joined(separator: ", ") + " and \(keys.count - 12) more"
    }

    // MARK: - Operations

    private func apply(
        _ filter: TemplateFilter, to inner: ExpressionNode, _ arguments: [ExpressionNode], _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        let input = try value(inner)
        let arguments = try values(arguments)
        let result: Value
        do {
            result = try filter.apply(input, arguments)
        } catch let error as FilterError {
            throw TemplateFailure(
                reported: error.code ?? TemplateErrorCode.filterFailed.rawValue, "`\(node.written)`: \(error.message)",
                node.range)
        } catch {
            throw TemplateFailure(TemplateErrorCode.filterFailed, "`\(node.written)`: \(error)", node.range)
        }
        return try bounded(result, node)
    }

    /// A chain of filters can multiply a text, so the output limit applies to each result.
    private func bounded(_ value: Value, _ node: ExpressionNode) throws(TemplateFailure) -> Value {
        guard case .string(let text) = value, text.utf8.count > limits.output else { return value }
        throw TemplateFailure(
            TemplateErrorCode.tooLarge, "the text of `\(node.written)` is larger than \(ByteCount(limits.output))",
            node.range)
    }

    private func call(
        _ function: Function, _ arguments: [Value], _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        switch function {
        case .now: return .string(Timestamp.text(nanoseconds: scope.now))
        case .today: return .string(String(Timestamp.text(nanoseconds: scope.now).prefix(10)))
        case .range: return try Arithmetic.range(arguments, node, limit: limits.iterations)
        }
    }

    private func binary(
        _ op: BinaryOperator, _ left: ExpressionNode, _ right: ExpressionNode, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        let first = try value(left)
        switch op {
        // As in Python, the result is the operand that decides.
        case .and: return first.isTruthy ? try value(right) : first
        case .or: return first.isTruthy ? first : try value(right)
        default: break
        }
        let second = try value(right)
        switch op {
        case .equal: return .bool(first == second)
        case .notEqual: return .bool(first != second)
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return .bool(try Comparison.holds(op, first, second, node))
        case .contained: return .bool(try Comparison.contains(second, first, node))
        case .notContained: return .bool(!(try Comparison.contains(second, first, node)))
        case .joined:
            for (operand, value) in [(left, first), (right, second)] where value.isNull {
                throw .empty(operand)
            }
            return try bounded(.string(first.text + second.text), node)
        default: return try Arithmetic.compute(op, first, second, node)
        }
    }
}

extension Value {
    /// The value for a message. A long value is not truncated but replaced by its type: half a secret could not be
    /// redacted.
    var shown: String {
        let text = json()
        return text.count <= 60 ? text : kindName
    }

    /// Whether the value is null, "", [] or {}.
    var isHollow: Bool {
        switch self {
        case .null: true
        case .string(let text): text.isEmpty
        case .bytes(let bytes): bytes.isEmpty
        case .list(let items): items.isEmpty
        case .object(let object): object.isEmpty
        case .bool, .int, .double: false
        }
    }
}
