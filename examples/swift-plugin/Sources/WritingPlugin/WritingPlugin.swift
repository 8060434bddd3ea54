public import RunnelKit

/// For people who write: counts words, and begins runs when something was committed.
public struct WritingPlugin: ConfigurablePlugin {
    /// `plugins: { writing: … }` in `runnel.yaml`.
    public struct Settings: FieldGroup {
        @Field("How many words people read in a minute.") public var wordsPerMinute: Int = 220

        public init() {}
    }

    public let name = "writing"
    private var settings = Settings()

    public init() {}

    public func configured(_ settings: Settings) -> WritingPlugin {
        var copy = self
        copy.settings = settings
        return copy
    }

    public var steps: [StepDefinition] { [StepDefinition(CountWords.self)] }
    public var triggers: [TriggerDefinition] { [TriggerDefinition(Commits.self)] }
    public var filters: [TemplateFilter] { [readingTime(wordsPerMinute: settings.wordsPerMinute)] }
}
