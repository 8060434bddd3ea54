/// The arguments of a call, or the parts of a tuple, in a Swift source.
struct SwiftArguments {
    struct Argument {
        var label: String?
        /// The literals that stand directly in it.
        var literals: [String] = []
        /// What stands in it beside them.
        var code = ""
    }

    /// What stands before the parenthesis: `throw StepError`, `diagnostics.error`.
    let callee: String
    let arguments: [Argument]

    /// All calls and tuples of a source, also those inside of others.
    static func all(in text: String) -> [SwiftArguments] {
        let source = Array(withoutComments(text))
        var found: [SwiftArguments] = []
        var index = 0
        while index < source.count {
            if source[index] == "\"" || source[index] == "#", let literal = SwiftLiteral(source, at: index) {
                index = literal.end
                continue
            }
            if source[index] == "(" {
                found.append(SwiftArguments(callee: word(before: index, source), arguments: parts(source, index)))
            }
            index += 1
        }
        return found
    }

    private static func word(before index: Int, _ source: [Character]) -> String {
        var start = index
        while start > 0, source[start - 1].isLetter || source[start - 1].isNumber || "._".contains(source[start - 1]) {
            start -= 1
        }
        return String(source[start..<index])
    }

    private static func parts(_ source: [Character], _ start: Int) -> [Argument] {
        let end = SwiftLiteral.end(ofParentheses: source, start) - 1
        var arguments = [Argument()]
        var (index, depth) = (start + 1, 0)
        while index < end {
            if source[index] == "\"" || source[index] == "#", let literal = SwiftLiteral(source, at: index) {
                if depth == 0 { arguments[arguments.count - 1].literals.append(literal.text) }
                index = literal.end
                continue
            }
            switch source[index] {
            case "(", "[", "{": depth += 1
            case ")", "]", "}": depth -= 1
            case "," where depth == 0:
                arguments.append(Argument())
                index += 1
                continue
            default: break
            }
            arguments[arguments.count - 1].code.append(source[index])
            index += 1
        }
        return arguments.map { argument in
            var argument = argument
            let code = argument.code.drop { $0.isWhitespace }
            let name = code.prefix { $0.isLetter || $0.isNumber }
            if !name.isEmpty, code.dropFirst(name.count).first == ":" { argument.label = String(name) }
            return argument
        }
    }

    private static func withoutComments(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.drop { $0 == " " }.hasPrefix("//") ? "" : String($0) }.joined(separator: "\n")
    }
}
