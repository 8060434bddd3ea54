import RunnelKit

/// Parses an expression by precedence climbing.
struct ExpressionParser {
    private let text: [UInt8]
    private let environment: TemplateEnvironment
    private let tokens: [Token]
    private var position = 0
    private var depth = 0
    private var links = 0

    private static let maximumDepth = 100
    /// Each operator and key adds a level to the tree, which is walked recursively.
    private static let maximumLinks = 200
    private static let words: Set<String> = ["and", "or", "not", "in", "is", "if", "else", "true", "false", "null"]

    init(_ text: [UInt8], in range: Range<Int>, environment: TemplateEnvironment) throws(TemplateIssue) {
        self.text = text
        self.environment = environment
        tokens = try Lexer.tokens(text, in: range)
    }

    /// Parses the whole range as one expression.
    static func parse(
        _ text: [UInt8], in range: Range<Int>, environment: TemplateEnvironment
    ) throws(TemplateIssue) -> ExpressionNode {
        var parser = try ExpressionParser(text, in: range, environment: environment)
        guard parser.current.kind != .end else {
            throw TemplateIssue(TemplateErrorCode.badExpression, "the expression is empty", range)
        }
        let node = try parser.expression()
        try parser.expectEnd()
        return node
    }

    mutating func expectEnd() throws(TemplateIssue) {
        guard current.kind != .end else { return }
        throw unexpected("an operator or the end")
    }

    /// Parses an expression, including the operator of lowest precedence: `a if b else c`.
    mutating func expression() throws(TemplateIssue) -> ExpressionNode {
        defer { depth -= 1 }
        try descend()
        let then = try binary(minimum: 0)
        guard takeWord("if") else { return then }
        let condition = try binary(minimum: 0)
        guard takeWord("else") else { throw unexpected("`else`") }
        let otherwise = try expression()
        return node(
            .conditional(then: then, condition: condition, otherwise: otherwise), then.range.lowerBound)
    }

    /// Increments the depth; the caller decrements it.
    private mutating func descend() throws(TemplateIssue) {
        depth += 1
        guard depth <= Self.maximumDepth else {
            throw TemplateIssue(
                TemplateErrorCode.badExpression, "the expression is nested deeper than \(Self.maximumDepth) levels",
                current.range)
        }
    }

    private mutating func binary(minimum: Int) throws(TemplateIssue) -> ExpressionNode {
        var left = try unary()
        while true {
            let start = left.range.lowerBound
            if current.kind == .symbol("??"), minimum <= 3 {
                try countLink()
                advance()
                let right = try binary(minimum: 3)
                left = node(.fallback(left, right, coversEmpty: false), start)
            } else if isWord("is"), minimum <= 4 {
                try countLink()
                advance()
                left = try test(left)
            } else if let (found, length) = binaryOperator, found.precedence >= minimum {
                try countLink()
                position += length
                let right = try binary(minimum: found.precedence + 1)
                left = node(.binary(found, left, right), start)
            } else {
                return left
            }
        }
    }

    /// The binary operator at the current token, and its number of tokens.
    private var binaryOperator: (BinaryOperator, Int)? {
        switch current.kind {
        case .symbol("&&"): (.and, 1)
        case .symbol("||"): (.or, 1)
        case .symbol(let symbol): BinaryOperator(rawValue: symbol).map { ($0, 1) }
        case .name("not") where tokens[min(position + 1, tokens.count - 1)].kind == .name("in"): (.notContained, 2)
        case .name(let word) where ["and", "or", "in"].contains(word): BinaryOperator(rawValue: word).map { ($0, 1) }
        default: nil
        }
    }

    /// Parses the test after `is`.
    private mutating func test(_ value: ExpressionNode) throws(TemplateIssue) -> ExpressionNode {
        let start = value.range.lowerBound
        let isNegated = takeWord("not")
        let result: ExpressionNode
        if takeWord("defined") {
            result = node(.isDefined(value), start)
        } else if takeWord("empty") {
            result = node(.isEmpty(value), start)
        } else {
            throw unexpected("`defined` or `empty`")
        }
        return isNegated ? node(.not(result), start) : result
    }

    private mutating func unary() throws(TemplateIssue) -> ExpressionNode {
        let start = current.range.lowerBound
        defer { depth -= 1 }
        try descend()
        if takeWord("not") { return node(.not(try binary(minimum: 4)), start) }
        if take("!") { return node(.not(try unary()), start) }
        if take("-") { return node(.negative(try unary()), start) }
        return try postfix()
    }

    private mutating func postfix() throws(TemplateIssue) -> ExpressionNode {
        var value = try primary()
        let start = value.range.lowerBound
        while true {
            if [.symbol("."), .symbol("["), .symbol("|")].contains(current.kind) { try countLink() }
            if take(".") {
                switch current.kind {
                case .name(let key):
                    advance()
                    value = node(.member(value, key), start)
                case .literal(.int(let number)):
                    advance()
                    value = node(.element(value, ExpressionNode(kind: .literal(.int(number)), range: previous)), start)
                default: throw unexpected("a key after the dot")
                }
            } else if take("[") {
                let index = try expression()
                try expect("]")
                value = node(.element(value, index), start)
            } else if take("|") {
                value = try filter(value)
            } else {
                return value
            }
        }
    }

    private mutating func filter(_ value: ExpressionNode) throws(TemplateIssue) -> ExpressionNode {
        guard case .name(let name) = current.kind else { throw unexpected("the name of a filter after `|`") }
        let range = current.range
        advance()
        if current.kind == .symbol(":") {
            throw TemplateIssue(
                TemplateErrorCode.badExpression, "unexpected `:`", current.range,
                hint: "write the arguments of a filter in parentheses: `x | \(name)(…)`")
        }
        let arguments = take("(") ? try list(until: ")") : []
        if name == TemplateEnvironment.defaultFilter {
            guard arguments.count == 1 else {
                throw TemplateIssue(
                    TemplateErrorCode.badArguments, "the filter `default` takes one argument: `default(value)`", range)
            }
            return node(.fallback(value, arguments[0], coversEmpty: true), value.range.lowerBound)
        }
        guard let filter = environment.filter(named: name) else {
            throw TemplateIssue(
                TemplateErrorCode.unknownFilter, "unknown filter \"\(name)\"", range,
                hint: environment.suggestion(for: name).map { "did you mean \"\($0)\"?" })
        }
        guard filter.arguments.contains(arguments.count) else {
            throw TemplateIssue(
                TemplateErrorCode.badArguments,
                "the filter `\(name)` takes \(Self.count(filter.arguments)), found \(arguments.count): `\(filter.usage)`",
                range)
        }
        return node(.filter(value, filter, arguments), value.range.lowerBound)
    }

    private mutating func primary() throws(TemplateIssue) -> ExpressionNode {
        let token = current
        switch token.kind {
        case .literal(let value):
            advance()
            return node(.literal(value), token.range.lowerBound)
        case .name("true"), .name("false"), .name("null"):
            advance()
            let value: Value = token.kind == .name("null") ? .null : .bool(token.kind == .name("true"))
            return node(.literal(value), token.range.lowerBound)
        case .name(let name) where !Self.words.contains(name):
            advance()
            guard current.kind == .symbol("(") else { return node(.name(name), token.range.lowerBound) }
            return try call(name, token.range)
        case .symbol("("):
            advance()
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["):
            advance()
            return node(.list(try list(until: "]")), token.range.lowerBound)
        case .symbol("{"):
            advance()
            return node(.object(try members()), token.range.lowerBound)
        default: throw unexpected("a value")
        }
    }

    /// The status check functions of GitHub Actions.
    private static let statusFunctions: Set<String> = ["always", "success", "failure", "cancelled"]

    private func hint(forUnknownFunction name: String) -> String {
        if environment.filter(named: name) != nil { return "`\(name)` is a filter: write `… | \(name)`" }
        if Self.statusFunctions.contains(name) {
            return "steps of `finally` always run, steps of `on_failure` after a failure"
        }
        let functions = Function.allCases.map(\.rawValue)
        return Suggestion.hint(for: name, among: functions) ?? "known functions: \(functions.joined(separator: ", "))"
    }

    private mutating func call(_ name: String, _ range: Range<Int>) throws(TemplateIssue) -> ExpressionNode {
        advance()
        let arguments = try list(until: ")")
        guard let function = Function(rawValue: name) else {
            throw TemplateIssue(
                TemplateErrorCode.unknownFunction, "unknown function \"\(name)\"", range,
                hint: hint(forUnknownFunction: name))
        }
        guard function.arguments.contains(arguments.count) else {
            throw TemplateIssue(
                TemplateErrorCode.badArguments,
                "`\(name)()` takes \(Self.count(function.arguments)), found \(arguments.count)", range)
        }
        return node(.function(function, arguments), range.lowerBound)
    }

    private mutating func list(until close: String) throws(TemplateIssue) -> [ExpressionNode] {
        var items: [ExpressionNode] = []
        while !take(close) {
            if !items.isEmpty { try expect(",", or: close) }
            if !items.isEmpty, take(close) { break }
            items.append(try expression())
        }
        return items
    }

    private mutating func members() throws(TemplateIssue) -> [(key: String, value: ExpressionNode)] {
        var members: [(key: String, value: ExpressionNode)] = []
        var keys: Set<String> = []
        while !take("}") {
            if !members.isEmpty { try expect(",", or: "}") }
            guard case .literal(.string(let key)) = current.kind else { throw unexpected("a key in quotes") }
            guard keys.insert(key).inserted else {
                throw TemplateIssue(
                    TemplateErrorCode.badExpression,
                    "the key \(Value.string(key).quoted()) appears twice in one object", current.range)
            }
            advance()
            try expect(":")
            members.append((key, try expression()))
        }
        return members
    }

    // MARK: - Tokens

    private var current: Token { tokens[position] }
    private var previous: Range<Int> { position > 0 ? tokens[position - 1].range : current.range }

    private mutating func advance() {
        if position < tokens.count - 1 { position += 1 }
    }

    private func isWord(_ word: String) -> Bool { current.kind == .name(word) }

    mutating func takeWord(_ word: String) -> Bool {
        guard isWord(word) else { return false }
        advance()
        return true
    }

    mutating func take(_ symbol: String) -> Bool {
        guard current.kind == .symbol(symbol) else { return false }
        advance()
        return true
    }

    /// The next token as a variable name.
    mutating func takeName() throws(TemplateIssue) -> String {
        guard case .name(let name) = current.kind, !Self.words.contains(name) else { throw unexpected("a name") }
        advance()
        return name
    }

    mutating func expectWord(_ word: String) throws(TemplateIssue) {
        guard takeWord(word) else { throw unexpected("`\(word)`") }
    }

    private mutating func expect(_ symbol: String, or other: String? = nil) throws(TemplateIssue) {
        guard take(symbol) else {
            throw unexpected(other.map { "`\(symbol)` or `\($0)`" } ?? "`\(symbol)`")
        }
    }

    private mutating func countLink() throws(TemplateIssue) {
        links += 1
        guard links <= Self.maximumLinks else {
            throw TemplateIssue(
                TemplateErrorCode.badExpression, "the expression has more than \(Self.maximumLinks) operators",
                current.range)
        }
    }

    private func unexpected(_ expected: String) -> TemplateIssue {
        if current.kind == .symbol("=") {
            return TemplateIssue(
                TemplateErrorCode.badExpression, "unexpected `=`", current.range, hint: "write `==` to compare")
        }
        return TemplateIssue(
            TemplateErrorCode.badExpression, "expected \(expected), found \(current.quoted(in: text))", current.range)
    }

    private func node(_ kind: ExpressionNode.Kind, _ start: Int) -> ExpressionNode {
        ExpressionNode(kind: kind, range: start..<max(start, previous.upperBound))
    }

    private static func count(_ range: ClosedRange<Int>) -> String {
        if range.upperBound == 0 { return "no arguments" }
        if range.lowerBound == range.upperBound {
            return range.lowerBound == 1 ? "1 argument" : "\(range.lowerBound) arguments"
        }
        return "\(range.lowerBound) to \(range.upperBound) arguments"
    }
}
