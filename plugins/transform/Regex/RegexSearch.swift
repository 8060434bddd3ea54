import RunnelKit

/// Finds patterns by way of jq's `match`, so that there is one flavour of regular expressions, with one set of limits.
enum RegexSearch {
    /// The option `n` leaves empty matches out: libjq 1.6 says nothing about the groups of those.
    private static let program = #". as {$text, $pattern, $flags} | $text | match($pattern; $flags)"#

    /// The matches, in the order of the text.
    static func matches(of options: RegexOptions, in text: String, within limit: Duration) async throws -> [RegexMatch]
    {
        let input: Value = [
            "text": .string(text), "pattern": .string(pattern(options)), "flags": options.all ? "gn" : "n",
        ]
        do {
            return try await JQProgram(program).outputs(for: input, within: limit).values.map(RegexMatch.init)
        } catch let error as StepError {
            throw plain(error)
        }
    }

    /// Blocks while a pattern is compiled that is not known yet.
    /// - Throws: A ``FieldError`` when `pattern` is no regular expression.
    static func check(pattern: String) throws(FieldError) {
        let search = try JQProgram(program)
        let problem = VerdictCache.shared.problem(with: "regex \(pattern)") {
            do throws(StepError) {
                _ = try search.outputsBlocking(
                    for: ["text": "", "pattern": .string(pattern), "flags": "n"], within: JQLimits.compileTime)
                return .init(problem: nil)
            } catch {
                return .init(
                    problem: FieldError("not a regular expression: \(reason(error.message))"),
                    isFinal: !error.isTransient)
            }
        }
        if let problem { throw problem }
    }

    private static func pattern(_ options: RegexOptions) -> String {
        let letters = options.flags.letters
        // The line break ends a comment that the extended syntax may have at the end of the pattern.
        return letters.isEmpty
            ? options.pattern.text
            : "(?\(letters):\(options.pattern.text)\(letters.contains("x") ? "\n" : ""))"
    }

    private static func plain(_ error: StepError) -> StepError {
        switch error.code {
        case "jq-error" where error.message.contains("retry-limit"):
            StepError(
                "regex-too-slow", "the pattern needs too many attempts on this text",
                hint: "avoid a repetition inside of a repetition, such as \"(a+)+\"")
        case "jq-error": StepError("regex-error", "the search failed: \(reason(error.message))")
        case "jq-timeout":
            StepError("regex-timeout", error.message.replacing("the program", with: "the search"), hint: error.hint)
        default: error
        }
    }

    /// libjq 1.6 writes `Regex failure: …`, later ones `<pattern> (at offset 0) is not a valid regex: …`.
    private static func reason(_ message: String) -> String {
        for mark in ["is not a valid regex: ", "Regex failure: "] {
            if let range = message.firstRange(of: mark) { return String(message[range.upperBound...]) }
        }
        return message
    }
}
