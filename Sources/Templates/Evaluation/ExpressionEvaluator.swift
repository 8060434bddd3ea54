import RunnelKit

/// Evaluates an expression.
struct ExpressionEvaluator {
    let scope: any TemplateScope
    let limits: TemplateLimits
    /// Whether a key or an item that is not there is null instead of an error.
    var missingIsNull = false
    /// Whether `default`, `??` or `is defined` handles a missing value, so that nobody reads why it is missing.
    var isMissingHandled = false
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
        var evaluator = self
        evaluator.isMissingHandled = true
        do throws(TemplateFailure) {
            let value = try evaluator.value(node)
            return value.isNull || (!emptyCounts && value == "") ? nil : value
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    // MARK: - Paths

    private func named(_ name: String, _ node: ExpressionNode) throws(TemplateFailure) -> Value {
        if let value = locals[name] ?? scope.value(named: name) { return value }
        throw missing(
            node, "unknown name `\(name)`",
            hint: Suggestion.closest(to: name, among: scope.knownNames + locals.keys.sorted())
                .map { "did you mean `\($0)`?" } ?? "known names: \(scope.knownNames.joined(separator: ", "))")
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
        throw missing(
            node, "`\(node.written)` is missing: `\(inner.written)` \(Self.keys(of: object))",
            hint: Suggestion.closest(to: key, among: object.keys).map { "did you mean `\($0)`?" } ?? Self.defaultHint)
    }

    private func element(
        of inner: ExpressionNode, _ index: Value, _ node: ExpressionNode
    ) throws(TemplateFailure) -> Value {
        let container = try value(inner)
        switch (container, index) {
        case (.object(let object), .string(let key)):
            if let value = object[key] { return value }
            if missingIsNull { return .null }
            throw missing(
                node, "`\(inner.written)` has no key \(index.shown)",
                hint: Suggestion.hint(for: key, among: object.keys))
        case (.list(let items), .int(let number)):
            let position = number < 0 ? Int64(items.count) + number : number
            if position >= 0, position < items.count { return items[Int(position)] }
            if missingIsNull { return .null }
            throw missing(
                node,
                "`\(node.written)` is missing: `\(inner.written)` has \(items.count) item\(items.count == 1 ? "" : "s")",
                hint: Self.defaultHint)
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
        return missing(
            node, "`\(node.written)` is missing: `\(inner.written)` is \(found)", hint: Self.defaultHint)
    }

    private static let defaultHint = "add `| default(\"…\")` if it may be missing"

    /// The failure of a value that is not there. Its words list and compare keys, which takes time in proportion to the
    /// data, so there are none where the failure is handled.
    private func missing(
        _ node: ExpressionNode, _ message: @autoclosure () -> String, hint: @autoclosure () -> String?
    ) -> TemplateFailure {
        TemplateFailure(
            TemplateErrorCode.missingValue, isMissingHandled ? "" : message(), node.range,
            hint: isMissingHandled ? nil : hint(), isMissing: true)
    }

    private static func keys(of object: ValueObject) -> String {
        guard !object.isEmpty else { return "is empty" }
        let more = object.count > 12 ? " and \(object.count - 12) more" : ""
        return "has the keys " + object.keys.prefix(12).joined(separator: ", ") + more
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
        } catch {
            throw .filter(error, node)
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
