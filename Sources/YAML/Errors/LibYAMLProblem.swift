import CLibYAML

/// What libyaml says is wrong: its words and its marks.
struct LibYAMLProblem {
    var problem: String
    /// Where libyaml stopped, in Unicode scalars.
    var place: Int
    /// What it was reading, and since where.
    var context: String?
    var contextPlace: Int

    init(_ parser: yaml_parser_t) {
        problem = parser.problem.map { String(cString: $0) } ?? "out of memory"
        place = parser.problem_mark.index
        context = parser.context.map { String(cString: $0) }
        contextPlace = parser.context_mark.index
    }

    /// The error in plain words, with libyaml's own after them.
    func error(in source: YAMLSource) -> YAMLError {
        if problem == "out of memory" { return Self.outOfMemory(source) }
        let situation = SyntaxSituation(self, source)
        var explanation = situation.tabIndentation ?? situation.explanation
        if let braces = situation.templateHint { explanation.hint = braces }
        let words = [context, problem].compactMap(\.self).joined(separator: ": ")
        return YAMLError(
            code: explanation.code, message: "\(explanation.sentence) (libyaml: \(words))", range: explanation.range,
            source: source, hint: explanation.hint, related: explanation.related)
    }

    /// The error for when libyaml cannot get memory.
    static func outOfMemory(_ source: YAMLSource) -> YAMLError {
        YAMLError(
            code: "out-of-memory", message: "There is not enough memory to read the file.",
            range: YAMLRange(at: YAMLPosition(line: 1, column: 1)), source: source)
    }
}

/// What a syntax error means for the person who wrote the file.
struct SyntaxExplanation {
    var code: String
    var sentence: String
    var range: YAMLRange
    var hint: String?
    var related: [YAMLError.RelatedPlace] = []
}
