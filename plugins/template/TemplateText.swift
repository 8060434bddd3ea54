public import RunnelKit

/// The step `template`.
struct TemplateText: Step {
    static let name = "template"
    static let isRepeatable = true
    static let summary = "Writes a text from a template, such as a prompt."
    static let documentation = StepDocumentation(
        details: """
            Every `with:` of every step may hold templates; this one is for a text that deserves a step of its own, or a \
            file of its own, which is checked with the pipeline. A value that is missing, null or an empty text fails the step, unless `default` answers for it.
            """,
        output: "The text.",
        examples: [
            .init(
                "Write a prompt",
                "uses: template\nwith:\n  text: |\n    Summarise this in one sentence:\n    {{ input }}"),
            .init("Keep the template in a file", "uses: template\nwith: { file: prompts/digest.md }"),
        ])
    static let outputSchema: Value? = ["type": "string"]
    static let rules: [FieldRule] = [.exactlyOne(["text", "file"])]

    @Field("The template.") var text: String?
    @Field("A file of the project that holds the template.") var file: TemplateFile?

    func run(_ context: StepContext) async throws -> Value {
        guard let file else { return .string(text ?? "") }
        let value = try context.render(context.project.text(of: file.path.text), file.path.text)
        guard !value.isNull else {
            throw StepError(
                StepErrorCode.emptyValue, "the expression in \"\(file.path.text)\" is null, and a text is needed",
                hint: "add `| default(\"…\")` if it may be missing")
        }
        return .string(value.text)
    }
}

/// Writes texts from templates.
public struct TemplatePlugin: Plugin {
    public let name = "template"
    public let steps = [StepDefinition(TemplateText.self)]

    public init() {}
}
