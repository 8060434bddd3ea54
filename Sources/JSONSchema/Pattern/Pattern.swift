/// A regular expression of ECMA-262 in Unicode mode, which asks whether it occurs anywhere in a text.
///
/// It is matched by following all ways at once, so time grows with the length of pattern times text and no pattern
/// can make it explode; only look-around and counts can multiply it, and for those the steps are counted. Characters
/// are code points, `\d`, `\w` and `\b` know ASCII only, `^` and `$` match at the ends of the text alone. What such a
/// matcher cannot do is a back reference, which is an error, as are `\p{Script=…}` and flags.
struct Pattern: Sendable {
    let source: String
    private let program: PatternProgram

    init(_ source: String) throws(PatternError) {
        self.source = source
        var parser = PatternParser(source)
        program = try PatternProgram(try parser.parse(), direction: .forward)
    }

    /// Whether the pattern occurs in `text`; nil when that takes more than `maxSteps` to find out.
    /// - Returns: The answer, and the steps that were taken.
    func matches(_ text: String, maxSteps: Int) -> (answer: Bool?, steps: Int) {
        var matcher = PatternMatcher(text: text, maxSteps: maxSteps)
        return (matcher.occurs(program), matcher.steps)
    }
}
