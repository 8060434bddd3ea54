public import RunnelKit

/// For people who write: counts and checks words, and begins runs when something was committed or sent in.
public struct WritingPlugin: ConfigurablePlugin {
    /// `plugins: { writing: … }` in `runnel.yaml`.
    public struct Settings: FieldGroup {
        @Field("How many words people read in a minute.") public var wordsPerMinute: Int = 220
        @Field("What the dictionary of `writing.check` wants to see.") public var dictionaryKey: SensitiveValue?

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

    public var steps: [StepDefinition] { [StepDefinition(CountWords.self), StepDefinition(CheckWords.self)] }
    public var triggers: [TriggerDefinition] {
        [TriggerDefinition(Commits.self), TriggerDefinition(Submissions.self)]
    }
    public var errorCodes: [any ErrorCode.Type] { [WritingErrorCode.self] }
    public var filters: [TemplateFilter] { [readingTime(wordsPerMinute: settings.wordsPerMinute)] }

    public func registerServices(in services: Services) async {
        await services.register(DictionaryKey.self) { [settings] _ in
            switch settings.dictionaryKey?.value {
            case .success(let key)?: return key
            case .failure(let problem)?:
                throw StepError(
                    WritingErrorCode.notConfigured, "`plugins.writing.dictionary_key` has no value: \(problem.reason)")
            case nil:
                throw StepError(
                    WritingErrorCode.notConfigured, "`plugins.writing.dictionary_key` is not set",
                    hint: "set it in runnel.yaml: `{ env: DICTIONARY_KEY }`")
            }
        }
    }
}
