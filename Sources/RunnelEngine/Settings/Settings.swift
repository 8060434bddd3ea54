public import RunnelKit

/// What `runnel.yaml` says, together with the environment variables that win over it.
///
/// Every setting has a variable: its path in capitals behind `RUNNEL_`, so `marketplace.base_url` is
/// `RUNNEL_MARKETPLACE_BASE_URL`.
public struct Settings: FieldGroup {
    public init() {}

    @Field("The Marketplace API, or any server that speaks like OpenAI's.")
    public var marketplace: MarketplaceSettings = MarketplaceSettings()
    @Field("Values for `{{ secrets.NAME }}`, each from an environment variable or a file.")
    public var secrets: [String: SensitiveValue] = [:]
    @Field("Names of the environment variables that templates may read as `{{ env.NAME }}`.")
    public var env: [String] = []
    @Field("What is logged.") public var log: LogSettings = LogSettings()
    @Field("What is kept of runs that have ended.") public var journal: JournalSettings = JournalSettings()
    @Field("How long events are recognised.") public var dedupe: DedupeSettings = DedupeSettings()
    @Field("How runs are worked on.") public var runs: RunSettings = RunSettings()
    @Field("Settings of plugins, by the plugin's name.") public var plugins: [String: Value] = [:]
    @Field("Where `runnel serve` listens.") public var server: ServerSettings = ServerSettings()
    @Field("What pipelines may touch of the project.") public var files: FileSettings = FileSettings()
}

/// `files:` in `runnel.yaml`.
public struct FileSettings: FieldGroup {
    /// A path below the project's folder.
    public struct Place: FieldValue {
        public let text: String

        public static var schema: Value { ["type": "string", "minLength": 1] }

        public init(field value: Value) throws(FieldError) {
            text = try String(field: value)
            let parts = text.utf8.split(separator: UInt8(ascii: "/"))
            guard !text.hasPrefix("/"), parts.contains(where: { !$0.elementsEqual(".".utf8) }),
                !parts.contains(where: { $0.elementsEqual("..".utf8) })
            else {
                throw FieldError(
                    "expected a file or folder below the project's, found \(value.quoted())",
                    hint: "name it relative to the folder of runnel.yaml, such as \"plugins/weather/data\"")
            }
        }

        public var fieldDefault: Value? { .string(text) }
    }

    public init() {}

    @Field(
        "Files and folders that pipelines may touch although they lie in a protected place, such as `plugins/weather/data`."
    )
    public var allow: [Place] = []
}

/// `server:` in `runnel.yaml`.
public struct ServerSettings: FieldGroup {
    public init() {}

    @Field("The address to listen on. Beyond this machine, a token is needed.") public var host: String = "127.0.0.1"
    @Field("The port to listen on; 0 takes any free one.") public var port: Int = 8790
    @Field("What callers of the API have to show: `Authorization: Bearer …`.") public var token: SensitiveValue?
}

/// `journal:` in `runnel.yaml`.
public struct JournalSettings: FieldGroup {
    public init() {}

    @Field("How long runs that have ended are kept.") public var keep: Duration = .seconds(30 * 86_400)
    @Field("How many runs that have ended are kept of each pipeline.") public var keepRuns: Int = 10_000
    @Field(
        """
        How large the journal may become on disk, the files of large values included. Beyond that the oldest runs that \
        have ended go.
        """)
    public var keepBytes: ByteCount = .mebibytes(4096)
}

/// `dedupe:` in `runnel.yaml`.
public struct DedupeSettings: FieldGroup {
    public init() {}

    @Field(
        """
        How long after the end of its run an event is still recognised when it is delivered again, also when the run \
        itself is not kept any more.
        """)
    public var keep: Duration = .seconds(30 * 86_400)
}

extension Settings {
    /// What `journal` and `dedupe` say.
    public var retention: Retention {
        Retention(
            age: journal.keep, count: journal.keepRuns, bytes: Int64(journal.keepBytes.bytes), dedupe: dedupe.keep)
    }
}

/// `runs:` in `runnel.yaml`.
public struct RunSettings: FieldGroup {
    public init() {}

    @Field("How many runs one process works on at once.") public var limit: PositiveCount = PositiveCount(16)
    @Field("How many runs may wait; further triggers are turned away until there is room.")
    public var maxQueued: PositiveCount = PositiveCount(1000)
    @Field(
        "How often the process may die over a run without a step of it ending, before the run is tried alone and then fails."
    )
    public var deaths: PositiveCount = PositiveCount(3)
    @Field("How long steps may go on when Runnel is told to stop.") public var grace: Duration = .seconds(10)
}

/// `log:` in `runnel.yaml`.
public struct LogSettings: FieldGroup {
    public enum Level: String, FieldChoice { case debug, info, warning, error }

    public init() {}

    @Field("The least important messages that are still written.") public var level: Level = .warning
}

/// `marketplace:` in `runnel.yaml`.
public struct MarketplaceSettings: FieldGroup {
    public enum Authentication: String, FieldChoice {
        case clientCredentials = "client_credentials"
        case bearer, none
    }

    public enum StreamEnd: String, FieldChoice { case done, finish, either }

    public struct Timeouts: FieldGroup {
        public init() {}

        @Field("For making a connection.") public var connect: Duration = .seconds(10)
        @Field("How long a stream may be silent; a heartbeat counts as life.") public var idle: Duration = .seconds(90)
        @Field("For one chat altogether.") public var total: Duration = .seconds(30 * 60)
        @Field("For fetching an access token.") public var token: Duration = .seconds(30)
    }

    public struct Limits: FieldGroup {
        public init() {}

        @Field("How many chats stream at once, over all pipelines.") public var concurrentStreams: Int = 8
        @Field("How many requests are made in a minute, over all pipelines; unlimited when left out.")
        public var requestsPerMinute: Int?
        @Field("The longest line of a stream, and the largest event in it.")
        public var maxEvent: ByteCount = .mebibytes(16)
        @Field("The most text of one answer, reasoning included.") public var maxAnswer: ByteCount = .mebibytes(64)
        @Field("The longest `Retry-After` that the client waits for by itself; when asked for more, the chat fails.")
        public var retryAfter: Duration = .seconds(120)
    }

    public init() {}

    @Field("Where the API is, such as `https://your-domain`.") public var baseURL: String?
    @Field("How Runnel proves who it is.") public var auth: Authentication = .clientCredentials
    @Field("From the Admin panel; for `auth: client_credentials`.") public var clientID: String?
    @Field("From the Admin panel; for `auth: client_credentials`.") public var clientSecret: SensitiveValue?
    @Field("For `auth: bearer`.") public var token: SensitiveValue?
    @Field("The agent that answers, unless a step names another.") public var agentID: String?
    @Field("The model, as the API calls it.") public var model: String = "AGENTIC STAR"
    @Field("Where chats are posted, relative to `base_url`, when it is not the usual place.") public var chatPath:
        String?
    @Field("Where tokens are fetched, relative to `base_url`, when it is not the usual place.")
    public var tokenPath: String?
    @Field(
        """
        What ends the stream of a whole answer; any other end is `stream-cut-off`. `done`: the line `[DONE]`. `finish`: \
        a finish reason. `either`: `[DONE]`, or a finish reason and the regular end of the body. When left out: `done` \
        with `auth: client_credentials`, else `either`.
        """) public var streamEnd: StreamEnd?
    @Field("When to give up.") public var timeouts: Timeouts = Timeouts()
    @Field("How much to ask for at a time, and how much to take.") public var limits: Limits = Limits()
}
