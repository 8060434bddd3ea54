/// What extends Runnel: a named bundle of steps, triggers and template filters, with the services they share.
///
/// Everything built in is a plugin too; there is no other way to add a step
/// or a trigger.
public protocol Plugin: Sendable {
    /// A short word, unique among the plugins of a worker.
    var name: String { get }
    /// The steps that it brings. No two plugins of a worker have a step of the same name. Runnel reads it more than once.
    var steps: [StepDefinition] { get }
    /// The triggers that it brings. Their names are unique, too.
    var triggers: [TriggerDefinition] { get }
    /// The template filters that it brings. Their names are unique, and differ from those of the standard filters.
    var filters: [TemplateFilter] { get }
    /// The codes of the errors of its steps and triggers, for the reference.
    var errorCodes: [any ErrorCode.Type] { get }
    /// Says how the plugin's services are made; called once, when a worker starts.
    func registerServices(in services: Services) async
    /// What `runnel doctor` says of the plugin: whether what it needs is there. Nothing unless a plugin says otherwise.
    func diagnose(_ context: DiagnosisContext) async -> [HealthFinding]
}

extension Plugin {
    /// None.
    public var steps: [StepDefinition] { [] }
    /// None.
    public var triggers: [TriggerDefinition] { [] }
    /// None.
    public var filters: [TemplateFilter] { [] }
    /// None beside those that any step can have.
    public var errorCodes: [any ErrorCode.Type] { [] }
    /// Registers nothing.
    public func registerServices(in services: Services) async {}
    /// Finds nothing.
    public func diagnose(_ context: DiagnosisContext) async -> [HealthFinding] { [] }
}

/// A plugin with settings of its own: what stands below `plugins: { <name>: … }` in `runnel.yaml`.
///
///     struct WeatherSettings: FieldGroup {
///         init() {}
///         @Field("Where the office answers.") var url: String = "https://weather.example"
///         @Field("What it wants to see.") var key: String?
///     }
///
/// A value `{ env: NAME }`, `{ file: path }` or `{ command: […] }` is resolved before the plugin gets it, and redacted in
/// everything that Runnel writes. A field that always holds a secret has the type ``SensitiveValue``.
public protocol ConfigurablePlugin: Plugin {
    /// What can be set.
    associatedtype Settings: FieldGroup

    /// The section of `runnel.yaml` that holds the settings; nil, unless a plugin says otherwise, for
    /// `plugins: { <name>: … }`. The keys of a section are checked when the file is read, and each has an environment
    /// variable: `RUNNEL_<SECTION>_<KEY>`.
    static var section: SettingsSection? { get }

    /// The plugin with these settings; called once, before anything else is asked of it.
    func configured(_ settings: Settings) -> Self

    /// Settings that are valid but probably mistaken, given the project's pipelines. Each problem has the path of its key.
    /// `runnel validate` prints them as warnings. None by default.
    ///
    /// - Parameter pipelines: The names of all pipelines of the project.
    func warnings(pipelines: [String]) -> [FieldError]
}

/// A plugin that uses changed credentials without a restart of Runnel.
public protocol CredentialPlugin: ConfigurablePlugin {
    /// The keys of the settings that ``renewCredentials(in:)`` applies.
    static var credentials: [String] { get }

    /// Makes the services use this plugin's credentials from the next request on. Runnel calls it on a plugin that was
    /// configured with the new settings.
    func renewCredentials(in services: Services) async throws
}

extension CredentialPlugin {
    /// The paths of the credentials in `runnel.yaml`: `marketplace.token`.
    package var credentialPaths: Set<String> {
        let place = FieldError("", path: settingsPath).place
        return Set(Self.credentials.map { "\(place).\($0)" })
    }
}

/// A section of `runnel.yaml` that belongs to a plugin.
public struct SettingsSection: Sendable, Hashable {
    /// The key at the top of the file.
    public let key: String
    /// One sentence for the reference.
    public let help: String

    /// A section with this key.
    public init(_ key: String, _ help: String) {
        self.key = key
        self.help = help
    }
}

extension ConfigurablePlugin {
    /// None.
    public static var section: SettingsSection? { nil }

    /// None.
    public func warnings(pipelines: [String]) -> [FieldError] { [] }

    /// The keys that lead to the settings in `runnel.yaml`.
    package var settingsPath: [FieldError.PathElement] {
        Self.section.map { [.key($0.key)] } ?? [.key("plugins"), .key(name)]
    }

    /// The section as a field of `runnel.yaml`.
    package var sectionField: FieldDefinition? {
        Self.section.map { Field(wrappedValue: Settings(), $0.help, key: $0.key).definition }
    }

    package var settingsSchema: Value { Settings.schema }

    /// Reads the settings. Without any, the fields' defaults are taken.
    /// - Throws: What is wrong with them, without the plugin's name.
    public func configured(reading settings: Value) throws(FieldError) -> any Plugin {
        configured(try Settings(field: settings.isNull ? [:] : settings))
    }
}

extension [any Plugin] {
    /// The sections of `runnel.yaml` that belong to these plugins, in their order.
    package var settingsSections: [FieldDefinition] {
        compactMap { ($0 as? any ConfigurablePlugin)?.sectionField }
    }
}

/// A plugin whose steps talk to an agent.
///
/// With `--simulate`, and in `runnel test`, they talk to a stand-in that listens on this machine instead. The stand-in
/// speaks like the Marketplace API.
///
/// `runnel test --live` compares what the steps asked with `expect.prompts`: their `system`, and their `messages` or else
/// their `prompt` or input. `--record` keeps answers: outputs with `finish_reason`, and `json` or `text`.
public protocol AgentPlugin: Plugin {
    /// The names of the steps that ask the agent. All of the plugin's unless it says otherwise.
    var agentSteps: [String] { get }
    /// The plugin, talking to the stand-in.
    func talking(to standIn: AgentStandIn) -> Self
}

extension AgentPlugin {
    /// All steps.
    public var agentSteps: [String] { steps.map(\.name) }
}

extension StepRegistry {
    /// The names of the steps that ask an agent; see ``AgentPlugin/agentSteps``.
    package var agentSteps: Set<String> { Set(plugins.flatMap { ($0 as? any AgentPlugin)?.agentSteps ?? [] }) }
}

/// What stands in for the agent, as a client sees it.
public struct AgentStandIn: Sendable {
    /// How a test goes about time.
    public struct Pacing: Sendable {
        /// For all waiting of the client.
        public var clock: any Clock<Duration>
        /// In the place of each time limit of the client. Its other limits are the defaults.
        public var timeLimit: Duration

        /// A pace that is kept by a clock.
        public init(clock: any Clock<Duration>, timeLimit: Duration) {
            self.clock = clock
            self.timeLimit = timeLimit
        }
    }

    /// Where it listens, such as `http://127.0.0.1:4711`.
    public var baseURL: String
    /// The client ID that it takes.
    public var clientID: String
    /// The client secret that it takes.
    public var clientSecret: String
    /// The agent that it knows.
    public var agentID: String
    /// nil: the plugin's settings say how long it waits, and how much it asks for.
    public var pacing: Pacing?
    /// Where it takes a running answer up again, with `{message_id}` for the answer's id; nil where it does not.
    public var reconnectPath: String?
    /// Where it is told that an answer is wanted no more, with `{message_id}`; nil where it is not.
    public var cancelPath: String?

    /// A stand-in at an address.
    public init(baseURL: String, clientID: String, clientSecret: String, agentID: String, pacing: Pacing? = nil) {
        self.baseURL = baseURL
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.agentID = agentID
        self.pacing = pacing
    }
}

extension Plugin {
    /// The plugin, talking to the stand-in where there is one and it talks to an agent.
    package func talking(toAny standIn: AgentStandIn?) -> any Plugin {
        guard let standIn, let plugin = self as? any AgentPlugin else { return self }
        return plugin.talking(to: standIn)
    }
}

/// One thing that `runnel doctor` looked at.
public struct HealthFinding: Sendable, Hashable {
    /// How good it is.
    @nonexhaustive public enum Level: String, Sendable {
        /// As it should be.
        case good
        /// Works now; a failure or a surprise is likely later.
        case warning
        /// Does not work.
        case problem
    }

    /// How good it is.
    public var level: Level
    /// What was looked at, in a word: "folders".
    public var subject: String
    /// What was found.
    public var text: String
    /// What to do.
    public var hint: String?

    /// A finding; see ``good(_:_:)``, ``warning(_:_:_:)`` and ``problem(_:_:_:)``.
    public init(level: Level, subject: String, text: String, hint: String? = nil) {
        self.level = level
        self.subject = subject
        self.text = text
        self.hint = hint
    }

    /// Something that is as it should be.
    public static func good(_ subject: String, _ text: String) -> HealthFinding {
        HealthFinding(level: .good, subject: subject, text: text)
    }

    /// Something that works, but may not for long, or not as meant.
    public static func warning(_ subject: String, _ text: String, _ hint: String? = nil) -> HealthFinding {
        HealthFinding(level: .warning, subject: subject, text: text, hint: hint)
    }

    /// Something that does not work.
    public static func problem(_ subject: String, _ text: String, _ hint: String? = nil) -> HealthFinding {
        HealthFinding(level: .problem, subject: subject, text: text, hint: hint)
    }
}

/// What a plugin or a trigger may use to look after itself for `runnel doctor`. It changes nothing and starts nothing.
public struct DiagnosisContext: Sendable {
    /// Where the project is.
    public var project: ProjectDirectory
    /// Clients that are shared. Those of the plugin itself are there too.
    public var services: Services
    /// Whether no other machine may be asked: `runnel doctor --offline`.
    public var isOffline: Bool
    /// The names of the project's pipelines; nil where not all are known.
    public var pipelines: [String]?

    /// A context for the project.
    public init(
        project: ProjectDirectory, services: Services = Services(), isOffline: Bool = false, pipelines: [String]? = nil
    ) {
        self.project = project
        self.services = services
        self.isOffline = isOffline
        self.pipelines = pipelines
    }
}
