public import RunnelKit

/// One step of an `exec` plugin, as its manifest describes it.
public struct ManifestStep: FieldGroup {
    @Field("One sentence for lists.") public var summary: String
    @Field("What the reference says beyond the summary, in Markdown.") public var details: String = ""
    @Field("The JSON schema (2020-12) of `with:`. Without it, any keys are accepted.")
    public var input: Value = ["type": "object"]
    @Field("What `steps.<id>` is afterwards, in words.") public var output: String =
        "What the plugin gave as its result."
    @Field("Examples for the reference: the step in YAML, as it stands in a pipeline behind the dash, by title.")
    public var examples: [String: String] = [:]
    @Field("Whether running it again costs nothing and changes nothing.") public var repeatable: Bool = false

    public init() {}
}

extension ManifestStep {
    var documentation: StepDocumentation {
        StepDocumentation(
            details: details, output: output,
            examples: examples.sorted { $0.key < $1.key }.map { title, yaml in
                StepDocumentation.Example(title, yaml.hasSuffix("\n") ? String(yaml.dropLast()) : yaml)
            })
    }
}
