import RunnelKit

/// Parses the segments of a template into a tree.
struct TemplateParser {
    private let text: [UInt8]
    private let environment: TemplateEnvironment
    private let pieces: [TemplateScanner.Piece]
    private var position = 0
    private var depth = 0
    /// Nothing behind the place is parsed.
    private var isTooDeep = false
    private(set) var issues: [TemplateIssue]

    private static let maximumDepth = 50
    private static let tags = ["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"]
    /// Tags of other template languages, for suggestions.
    private static let otherTags = ["elseif": "elif", "elsif": "elif", "foreach": "for", "endforeach": "endfor"]

    init(_ text: [UInt8], environment: TemplateEnvironment) {
        self.text = text
        self.environment = environment
        let scanner = TemplateScanner(text)
        pieces = scanner.pieces
        issues = scanner.issues
    }

    /// The tag that ended a body.
    private struct EndTag {
        let word: String
        let rest: Range<Int>
        let whole: Range<Int>
    }

    mutating func parse() -> [TemplateNode] {
        var nodes: [TemplateNode] = []
        while true {
            let (body, end) = body()
            nodes += body
            guard let end else { return nodes }
            issues.append(
                TemplateIssue(TemplateErrorCode.strayTag, "`{% \(end.word) %}` has no matching opening tag", end.whole))
        }
    }

    /// Parses nodes up to a tag that ends the enclosing block.
    private mutating func body() -> ([TemplateNode], EndTag?) {
        var nodes: [TemplateNode] = []
        while position < pieces.count {
            let piece = pieces[position]
            position += 1
            switch piece {
            case .text(let range): nodes.append(.text(String(decoding: text[range], as: UTF8.self)))
            case .expression(let range, let whole):
                if let node = expression(in: range, whole: whole) { nodes.append(.expression(node)) }
            case .tag(let range, let whole):
                let (word, rest) = split(range)
                switch word {
                case "if": nodes.append(branch(rest, whole))
                case "for": if let loop = loop(rest, whole) { nodes.append(loop) }
                case "elif", "else", "endif", "endfor", "endraw":
                    if word != "elif" { expectNothing(behind: word, rest, whole) }
                    return (nodes, EndTag(word: word, rest: rest, whole: whole))
                default:
                    let closest = Self.otherTags[word] ?? Suggestion.closest(to: word, among: Self.tags)
                    issues.append(
                        TemplateIssue(
                            TemplateErrorCode.unknownTag, "unknown tag `{% \(word) %}`", whole,
                            hint: closest.map { "did you mean `{% \($0) %}`?" } ?? "known tags: if, for and raw"))
                }
            }
        }
        return (nodes, nil)
    }

    private mutating func branch(_ condition: Range<Int>, _ whole: Range<Int>) -> TemplateNode {
        guard enter(whole) else { return .text("") }
        defer { depth -= 1 }
        var branches: [(condition: ExpressionNode, body: [TemplateNode])] = []
        var otherwise: [TemplateNode] = []
        var next = expression(in: condition, whole: whole)
        while true {
            let (nodes, end) = body()
            if let condition = next { branches.append((condition, nodes)) }
            switch end?.word {
            case "elif"?:
                next = end.flatMap { expression(in: $0.rest, whole: $0.whole) }
                continue
            case "else"?:
                let (nodes, end) = body()
                otherwise = nodes
                expect("endif", end, opening: "if", whole)
            default: expect("endif", end, opening: "if", whole)
            }
            return .branch(branches, otherwise: otherwise)
        }
    }

    private mutating func loop(_ head: Range<Int>, _ whole: Range<Int>) -> TemplateNode? {
        guard enter(whole) else { return nil }
        defer { depth -= 1 }
        let parsed = loopHead(head)
        var (nodes, end) = body()
        var otherwise: [TemplateNode] = []
        if end?.word == "else" { (otherwise, end) = body() }
        expect("endfor", end, opening: "for", whole)
        return parsed.map {
            .loop(TemplateNode.Loop(names: $0.names, list: $0.list, body: nodes, otherwise: otherwise))
        }
    }

    /// `item in list` or `key, value in object`.
    private mutating func loopHead(_ head: Range<Int>) -> (names: [String], list: ExpressionNode)? {
        do throws(TemplateIssue) {
            var parser = try ExpressionParser(text, in: head, environment: environment)
            var names = [try parser.takeName()]
            if parser.take(",") { names.append(try parser.takeName()) }
            try parser.expectWord("in")
            let list = try parser.expression()
            try parser.expectEnd()
            return (names, list)
        } catch {
            var issue = error
            issue.hint = issue.hint ?? "write `{% for item in list %}`"
            issues.append(issue)
            return nil
        }
    }

    private mutating func expect(_ word: String, _ end: EndTag?, opening: String, _ whole: Range<Int>) {
        guard end?.word != word, !isTooDeep else { return }
        let found = end.map { "found `{% \($0.word) %}`" } ?? "found the end of the text"
        issues.append(
            TemplateIssue(
                TemplateErrorCode.unclosedTag, "`{% \(opening) %}` needs `{% \(word) %}`, \(found)", end?.whole ?? whole
            ))
    }

    /// Text after `else` would otherwise be ignored silently.
    private mutating func expectNothing(behind word: String, _ rest: Range<Int>, _ whole: Range<Int>) {
        let found = String(decoding: text[rest], as: UTF8.self).split { $0.isWhitespace }.joined(separator: " ")
        guard !found.isEmpty else { return }
        issues.append(
            TemplateIssue(
                TemplateErrorCode.badTag, "`{% \(word) %}` takes no argument, found `\(found)`", whole,
                hint: word == "else" && found.hasPrefix("if ") ? "write `{% elif \(found.dropFirst(3)) %}`" : nil))
    }

    private mutating func enter(_ whole: Range<Int>) -> Bool {
        depth += 1
        guard depth <= Self.maximumDepth else {
            depth -= 1
            (isTooDeep, position) = (true, pieces.count)
            issues.append(
                TemplateIssue(
                    TemplateErrorCode.tooDeep, "tags are nested deeper than \(Self.maximumDepth) levels", whole))
            return false
        }
        return true
    }

    private mutating func expression(in range: Range<Int>, whole: Range<Int>) -> ExpressionNode? {
        do throws(TemplateIssue) {
            return try ExpressionParser.parse(text, in: range, environment: environment)
        } catch {
            var issue = error
            // An empty range cannot be marked with a caret.
            if issue.utf8Range.isEmpty { issue.utf8Range = whole }
            issues.append(issue)
            return nil
        }
    }

    /// The first word of a tag and what follows it.
    private func split(_ range: Range<Int>) -> (word: String, rest: Range<Int>) {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
        let start = text[range].firstIndex { !isSpace($0) } ?? range.upperBound
        let end = text[start..<range.upperBound].firstIndex(where: isSpace) ?? range.upperBound
        return (String(decoding: text[start..<end], as: UTF8.self), end..<range.upperBound)
    }
}

/// A part of a parsed template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case expression(ExpressionNode)
    case branch([(condition: ExpressionNode, body: [TemplateNode])], otherwise: [TemplateNode])
    case loop(Loop)

    struct Loop: Sendable {
        /// One name, or two for key and value.
        let names: [String]
        let list: ExpressionNode
        let body: [TemplateNode]
        let otherwise: [TemplateNode]
    }

    var isText: Bool { if case .text = self { true } else { false } }

    func references(locals: Set<String>) -> [Reference] {
        switch self {
        case .text: []
        case .expression(let node): node.references(locals: locals)
        case .branch(let branches, let otherwise):
            branches.flatMap { branch in
                branch.condition.references(locals: locals) + branch.body.flatMap { $0.references(locals: locals) }
            } + otherwise.flatMap { $0.references(locals: locals) }
        case .loop(let loop):
            loop.list.references(locals: locals)
                + loop.body.flatMap { $0.references(locals: locals.union(loop.names).union(["loop"])) }
                + loop.otherwise.flatMap { $0.references(locals: locals) }
        }
    }
}
