public import RunnelKit

/// One step of an `exec` plugin, as its manifest describes it.
public struct ManifestStep: FieldGroup {
    @Field("One sentence for lists.") public var summary: String
    @Field("What the reference says beyond the summary, in Markdown.") public var details: String = ""
    @Field("The JSON schema (2020-12) of `with:`. Without it, any keys are accepted.")
    public var input: Value = ["type": "object"]
    @Field("What `steps.<id>` is afterwards, in words.") public var output: String = "What the plugin gave as its result."
    @Field("Whether running it again costs nothing and changes nothing.") public var repeatable: Bool = false

    public init() {}
}
