import RunnelKit

/// The step `writing.count`.
struct CountWords: Step {
    static let name = "writing.count"
    static let summary = "Counts the words and lines of a text."
    static let documentation = StepDocumentation(
        output: "An object with `words` and `lines`.",
        examples: [.init("Count what came in", "uses: writing.count")])
    static let isRepeatable = true
    static let outputSchema: Value? = OutputSchema.object(["words": ["type": "integer"], "lines": ["type": "integer"]])

    private struct Counts: Encodable { var words: Int, lines: Int }

    @Field("The text; the step's input unless given.") var text: String?

    func run(_ context: StepContext) async throws -> Value {
        try Task.checkCancellation()
        guard let text = text ?? context.input.asString else {
            throw StepError(WritingErrorCode.noText, "there is no text to count", hint: "set `text`")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return try Value(encoding: Counts(words: wordCount(text), lines: lines.count))
    }
}

func wordCount(_ text: String) -> Int {
    text.split(whereSeparator: \.isWhitespace).count
}
