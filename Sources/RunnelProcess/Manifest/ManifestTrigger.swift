public import JSONSchema
public import RunnelKit

/// A trigger of an `exec` plugin in its manifest.
public struct ManifestTrigger: FieldGroup {
    @Field("A one-sentence summary.") public var summary: String
    @Field("More details for the reference, in Markdown.") public var details: String = ""
    @Field(
        """
        What the dashboard calls the trigger, by language (`en`, `ja`): `{ en: order, ja: 注文 }`. Its name where a language \
        is missing.
        """)
    public var titles: [String: String] = [:]
    @Field("The JSON schema (2020-12) of an entry under `on:`. Without it, any keys are accepted.")
    public var input: SchemaField?
    @Field(
        """
        The keys of `trigger` in templates, with a description each. If there are any, `runnel validate` reports others \
        in `if` and `debounce`.
        """)
    public var payload: [String: String] = [:]
    @Field("Examples for the reference by title: YAML as under `on:`.")
    public var examples: [String: String] = [:]
    @Field("What to write in place of names that users of other tools try.") public var hints: [ManifestHint] = []
    @Field(
        """
        The keys of an entry that say what it listens to. By them its state is found again when other keys or its place \
        under `on:` change.
        """)
    public var identity: [String] = []
    @Field("The maximum number of events that are not acknowledged. More are not read.", in: 1...1000)
    public var maxUnacknowledged: Int = 16
    @Field(
        """
        How often the program writes a line at least, such as {"type":"heartbeat"}. One that is silent for longer is \
        frozen: it is killed and started again. Without it, silence is no problem.
        """)
    public var heartbeat: Duration?

    public init() {}

    public func validate() throws(FieldError) {
        if let heartbeat, heartbeat <= .zero {
            throw FieldError("a heartbeat needs a time above 0s", path: [.key("heartbeat")])
        }
        try input?.checkUse(at: "input")
        let keys = input.map { SchemaPlace($0.source).keys } ?? []
        if let key = keys.first(where: { TriggerDefinition.sharedKeys.contains($0) }) {
            throw FieldError(
                "every trigger has the key \"\(key)\" already, so the program never gets it",
                hint: "give the key another name", path: [.key("input"), .key("properties"), .key(key)])
        }
        if payload["type"] != nil {
            throw FieldError(
                "`trigger.type` is always the name of the trigger", hint: "give the key another name",
                path: [.key("payload"), .key("type")])
        }
        let declared = input?.source["properties"]?.asObject?.keys ?? []
        for (index, key) in identity.enumerated() where !declared.contains(key) {
            throw FieldError(
                "the input has no key \(Value.string(key).quoted())",
                hint: Suggestion.hint(for: key, among: declared)
                    ?? "name keys of `input.properties`", path: [.key("identity"), .index(index)])
        }
    }

    var documentation: TriggerDocumentation {
        TriggerDocumentation(
            details: details,
            payload: payload.sorted { $0.key < $1.key }.map { TriggerDocumentation.PayloadKey($0.key, $0.value) },
            examples: examples.sortedExamples)
    }

    /// What an entry listens to.
    func identity(of entry: ValueObject) -> String? {
        guard !identity.isEmpty else { return nil }
        return Value.list(identity.map { entry[$0] ?? input?.source["properties"]?[$0]?["default"] ?? .null }).json()
    }
}
