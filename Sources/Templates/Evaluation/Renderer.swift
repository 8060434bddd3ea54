import RunnelKit

/// Renders a template.
struct Renderer {
    private let scope: any TemplateScope
    private let limits: TemplateLimits
    private(set) var output = ""
    private var iterations = 0

    init(scope: any TemplateScope, limits: TemplateLimits) {
        self.scope = scope
        self.limits = limits
    }

    mutating func render(_ nodes: [TemplateNode], locals: [String: Value]) throws(TemplateFailure) {
        for node in nodes {
            switch node {
            case .text(let text): try append(text, 0..<0)
            case .expression(let expression): try append(text(of: expression, locals), expression.range)
            case .branch(let branches, let otherwise): try branch(branches, otherwise, locals)
            case .loop(let loop): try self.loop(loop, locals)
            }
        }
    }

    private mutating func append(_ text: String, _ range: Range<Int>) throws(TemplateFailure) {
        guard output.utf8.count + text.utf8.count <= limits.output else {
            throw TemplateFailure(
                TemplateErrorCode.tooLarge, "the text grows beyond \(ByteCount(limits.output))", range)
        }
        output += text
    }

    /// The value as text. A missing or empty value is an error.
    private func text(of node: ExpressionNode, _ locals: [String: Value]) throws(TemplateFailure) -> String {
        let evaluator = ExpressionEvaluator(scope: scope, limits: limits, locals: locals)
        // In a conditional, only the chosen branch is checked.
        if case .conditional(let then, let condition, let otherwise) = node.kind {
            return try text(of: evaluator.value(condition).isTruthy ? then : otherwise, locals)
        }
        let value = try evaluator.value(node)
        switch value {
        case .null where !node.mayBeEmpty: throw .empty(node)
        case .string("") where !node.mayBeEmpty:
            throw TemplateFailure(
                TemplateErrorCode.emptyValue, "`\(node.written)` is an empty text", node.range,
                hint: "add `| default(\"\")` if that is intended")
        case .null: return ""
        case .bytes:
            throw TemplateFailure(
                TemplateErrorCode.badValue, "`\(node.written)` is binary data, not text", node.range,
                hint: "add `| base64` to put it into a text")
        default: return value.text
        }
    }

    private mutating func branch(
        _ branches: [(condition: ExpressionNode, body: [TemplateNode])], _ otherwise: [TemplateNode],
        _ locals: [String: Value]
    ) throws(TemplateFailure) {
        for (condition, body) in branches {
            if try ExpressionEvaluator(scope: scope, limits: limits, locals: locals).value(condition).isTruthy {
                return try render(body, locals: locals)
            }
        }
        try render(otherwise, locals: locals)
    }

    private mutating func loop(_ loop: TemplateNode.Loop, _ locals: [String: Value]) throws(TemplateFailure) {
        let list = try ExpressionEvaluator(scope: scope, limits: limits, locals: locals).value(loop.list)
        let items = try self.items(of: list, loop)
        guard !items.isEmpty else { return try render(loop.otherwise, locals: locals) }
        var inner = locals
        for (index, item) in items.enumerated() {
            iterations += 1
            guard iterations <= limits.iterations else {
                throw TemplateFailure(
                    TemplateErrorCode.tooManyIterations, "the loops run more than \(limits.iterations) times",
                    loop.list.range)
            }
            for (name, value) in zip(loop.names, item) { inner[name] = value }
            inner["loop"] = [
                "index": .int(Int64(index + 1)), "index0": .int(Int64(index)), "first": .bool(index == 0),
                "last": .bool(index == items.count - 1), "length": .int(Int64(items.count)),
            ]
            try render(loop.body, locals: inner)
        }
    }

    /// The values of the loop variables in each iteration.
    private func items(of list: Value, _ loop: TemplateNode.Loop) throws(TemplateFailure) -> [[Value]] {
        switch (list, loop.names.count) {
        case (.list(let items), 1): return items.map { [$0] }
        case (.list(let items), _): return items.enumerated().map { [.int(Int64($0.offset)), $0.element] }
        case (.object(let object), 1): return object.map { [.string($0.key)] }
        case (.object(let object), _): return object.map { [.string($0.key), $0.value] }
        default:
            throw TemplateFailure(
                TemplateErrorCode.badOperand,
                "`\(loop.list.written)` is \(list.kindName); a loop needs a list or an object",
                loop.list.range)
        }
    }
}
