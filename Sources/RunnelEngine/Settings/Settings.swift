public import RunnelKit
package import RunnelSupport

/// What `runnel.yaml` says beside the sections of plugins, together with the environment variables that win over it.
///
/// Every setting has a variable: its path in upper case after `RUNNEL_`, so `log.level` is `RUNNEL_LOG_LEVEL`.
public struct Settings: FieldGroup {
    public init() {}

    @Field("Values for `{{ secrets.NAME }}`, each from an environment variable or a file.")
    public var secrets: [String: SensitiveValue] = [:]
    @Field("Names of environment variables that templates can read as `{{ env.NAME }}`.")
    public var env: [String] = []
    @Field("Values for `{{ vars.NAME }}`, of any type, for all pipelines of the project.")
    public var vars: [String: Value] = [:]
    @Field(
        "Settings by the name of a profile; those of the profile chosen with `--profile` are merged over the rest, key by key."
    )
    public var profiles: [String: Value] = [:]
    @Field("Logging.") public var log: LogSettings = LogSettings()
    @Field("Export of traces to OpenTelemetry.") public var traces: TraceSettings = TraceSettings()
    @Field("Where runs are kept, and for how long.") public var journal: JournalSettings = JournalSettings()
    @Field("Retention of dedupe keys.") public var dedupe: DedupeSettings = DedupeSettings()
    @Field("Retention of deliveries to hooks.") public var deliveries: DeliverySettings = DeliverySettings()
    @Field("Execution of runs.") public var runs: RunSettings = RunSettings()
    @Field("Settings of plugins, by the plugin's name.") public var plugins: [String: Value] = [:]
    @Field("The server of `runnel serve`.") public var server: ServerSettings = ServerSettings()
    @Field("Access of pipelines to files of the project.") public var files: FileSettings = FileSettings()
    @Field("Prices of agents and models, by agent id or model, for `runnel usage` and budgets.")
    public var prices: PriceTable = PriceTable()
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
        "Files and folders in protected places that pipelines may access, such as `plugins/weather/data`."
    )
    public var allow: [Place] = []
    @Field(
        """
        Symbolic links to folders, such as `inbox`, that pipelines may follow, also where they lead out of the project. \
        All other links are refused.
        """)
    public var links: [Place] = []
}

/// `server:` in `runnel.yaml`.
public struct ServerSettings: FieldGroup {
    public init() {}

    @Field("The address to listen on. Other interfaces than loopback need a token.") public var host: String =
        "127.0.0.1"
    @Field("The port to listen on; 0 selects a free one.", in: 0...65_535) public var port: Int = 8790
    @Field(
        "The API token: `Authorization: Bearer …`. It may do everything. Without one, `runnel serve` makes one in `.runnel/api-token`."
    )
    public var token: SensitiveValue?
    @Field("Further API tokens, by the name that the audit log shows.")
    public var tokens: [String: APITokenSettings] = [:]
    @Field("The URL at which callers reach the server: for signatures over URLs, and for links.")
    public var publicURL: PublicURLText?
    @Field("The addresses of trusted proxies, whose forwarding header fields name the caller, such as `10.0.0.0/8`.")
    public var trustedProxies: [ProxyAddresses] = []
    @Field("Which header field of trusted proxies counts: the other is read where this one is missing.")
    public var proxyHeader: ProxyHeader = .xForwardedFor
    @Field(
        "Signs people in to the dashboard whom a proxy of `trusted_proxies` has signed in, such as by OpenID Connect.")
    public var signIn: ProxySignInSettings?
    @Field("HTTPS, with a certificate and its key.") public var tls: CertificateSettings?

    public func validate() throws(FieldError) {
        guard signIn == nil || !trustedProxies.isEmpty else {
            throw FieldError(
                "it counts only in requests of `trusted_proxies`, and there are none",
                hint: "name the addresses of the proxy: `trusted_proxies: [127.0.0.1]`", path: [.key("sign_in")])
        }
    }
}

/// `server.proxy_header`.
public enum ProxyHeader: String, FieldChoice {
    case xForwardedFor = "x-forwarded-for"
    case forwarded
}

/// `server.tls:` in `runnel.yaml`.
public struct CertificateSettings: FieldGroup {
    public init() {}

    @Field("A PEM file with the certificate and those that lead from it to a root. It is read again when it changes.")
    public var certificate: String
    @Field("A PEM file with the private key.") public var key: String
}

/// `server.public_url`: scheme, host, and possibly port and path.
public struct PublicURLText: FieldValue, Hashable {
    public let text: String

    public static var schema: Value { ["type": "string", "pattern": #"^https?://[^/?#@\s]+(/[^?#\s]*)?$"#] }

    public init(field value: Value) throws(FieldError) {
        let text = try String(field: value)
        let rest = ["https://", "http://"].first(where: text.lowercased().hasPrefix).map { text.dropFirst($0.count) }
        guard let rest, let first = rest.first, first != "/",
            !rest.contains(where: { "?#@".contains($0) || $0.isWhitespace })
        else {
            throw FieldError(
                "\(value.quoted()) is not the URL of a server",
                hint: "write scheme and host: \"https://hooks.example.org\"")
        }
        self.text = text
    }

    public var fieldDefault: Value? { .string(text) }
}

/// An entry of `server.trusted_proxies`.
public struct ProxyAddresses: FieldValue, Hashable {
    package let range: AddressRange
    private let text: String

    public static var schema: Value { ["type": "string", "minLength": 1, "examples": ["127.0.0.1", "10.0.0.0/8"]] }

    public init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard let range = AddressRange(text) else {
            throw FieldError(
                "\(value.quoted()) is not an address",
                hint: "write an IP address or a range of them: \"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"")
        }
        self.range = range
    }

    public var fieldDefault: Value? { .string(text) }
}

/// `journal:` in `runnel.yaml`.
public struct JournalSettings: FieldGroup {
    public init() {}

    @Field("How long ended runs are kept.") public var keep: Duration = .seconds(30 * 86_400)
    @Field("The number of ended runs kept of each pipeline.", in: 0...) public var keepRuns: Int = 10_000
    @Field(
        """
        How large the journal may become on disk, the files of large values included. Beyond that the oldest runs that \
        have ended go.
        """)
    public var keepBytes: ByteCount = .mebibytes(4096)
    @Field("How long it is kept what calls of models have used, and how many runs ended in each hour.") public
        var keepUsage: Duration = .seconds(
            400 * 86_400)
    @Field(
        """
        The database of PostgreSQL that several machines share: `postgres://user@host/database`. What it leaves out comes \
        from the variables `PGHOST`, `PGUSER` and so on. Without it, the journal is a file of SQLite in `.runnel`.
        """)
    public var url: DatabaseURL?
    @Field("The password for `url`.") public var password: SensitiveValue?
    @Field("The schema of the database that holds the tables of the journal.") public var schema: SchemaName =
        SchemaName("runnel")
    @Field(
        """
        Whether workers wake each other at once (LISTEN and NOTIFY), or look for work every second. `auto` notices a proxy \
        such as PgBouncer, behind which they cannot.
        """)
    public var notify: JournalNotifications = .auto
    @Field("The maximum number of connections to the database of one process.", in: 3...32) public var pool: Int = 6
    @Field(
        """
        The name of this machine, by which runs about its files find it again; its host name unless given. Set it where \
        host names change at each start, as those of containers do.
        """)
    public var machine: String?
}

/// `journal.notify`.
public enum JournalNotifications: String, FieldChoice { case auto, on, off }

/// `journal.url`: where a database is. It may hold a password, so no message quotes it.
public struct DatabaseURL: FieldValue, Hashable {
    public let text: String

    public static var schema: Value {
        ["type": "string", "pattern": #"^postgres(ql)?://"#, "examples": ["postgres://runnel@db.example.org/runnel"]]
    }

    public init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else {
            throw FieldError(
                "expected the URL of a database of PostgreSQL", hint: "write \"postgres://user@host/database\"")
        }
    }

    /// The password that the URL holds, as it is written.
    public var password: String? {
        guard let start = text.firstRange(of: "://")?.upperBound else { return nil }
        let authority = text[start...].prefix { $0 != "/" && $0 != "?" }
        guard let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") else {
            return nil
        }
        let password = authority[authority.index(after: colon)..<at]
        return password.isEmpty ? nil : String(password)
    }

    public var fieldDefault: Value? { .string(text) }
}

/// `journal.schema`: a plain name.
public struct SchemaName: FieldValue, Hashable {
    public let text: String

    public static var schema: Value { ["type": "string", "pattern": "^[a-z_][a-z0-9_]{0,39}$"] }

    /// - Parameter text: A valid name.
    init(_ text: String) {
        self.text = text
    }

    public init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard let first = text.utf8.first, text.utf8.count <= 40, !(0x30...0x39).contains(first),
            text.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        else {
            throw FieldError(
                "\(value.quoted()) is not a name of a schema",
                hint: "use up to 40 lower-case letters, digits and `_`, such as \"runnel\"")
        }
    }

    public var fieldDefault: Value? { .string(text) }
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

/// `deliveries:` in `runnel.yaml`.
public struct DeliverySettings: FieldGroup {
    public init() {}

    @Field("How long deliveries to hooks are kept, with their header fields and bodies.")
    public var keep: Duration = .seconds(7 * 86_400)
    @Field(
        """
        How many bytes of deliveries are kept. Beyond that the oldest go. Refused ones take at most a quarter. With `0B` \
        none are kept.
        """)
    public var bytes: ByteCount = .mebibytes(256)
}

extension Settings {
    /// The retention from `journal`, `dedupe` and `deliveries`.
    public var retention: Retention {
        Retention(
            age: journal.keep, count: journal.keepRuns, bytes: Int64(journal.keepBytes.bytes), dedupe: dedupe.keep,
            usage: journal.keepUsage, deliveryAge: deliveries.keep, deliveryBytes: Int64(deliveries.bytes.bytes))
    }
}

/// `runs:` in `runnel.yaml`.
public struct RunSettings: FieldGroup {
    public init() {}

    @Field("The maximum number of concurrent runs in one process.") public var limit: PositiveCount = PositiveCount(16)
    @Field("The maximum number of concurrent runs of all processes and machines that share the journal.")
    public var total: PositiveCount?
    @Field("The maximum number of queued runs; further trigger events are rejected until there is room.")
    public var maxQueued: PositiveCount = PositiveCount(1000)
    @Field(
        """
        The maximum size of what the queued runs of one pipeline were started with, such as the bodies of a webhook; \
        further trigger events of it are rejected until there is room.
        """
    )
    public var maxQueuedBytes: ByteCount = .mebibytes(256)
    @Field(
        "The maximum number of worker deaths without progress of a run, before the run is tried alone and then fails."
    )
    public var deaths: PositiveCount = PositiveCount(3)
    @Field(
        """
        The maximum number of runs that start each other: by the trigger `run`, by files that one writes and another \
        watches, or by webhooks. What would start one more is refused, which the log and `runnel status` say.
        """)
    public var chain: PositiveCount = PositiveCount(8)
    @Field("The grace period of running steps when Runnel stops.") public var grace: Duration = .seconds(10)
}

/// `log:` in `runnel.yaml`.
public struct LogSettings: FieldGroup {
    public enum Level: String, FieldChoice { case debug, info, warning, error }

    /// The form of the lines.
    public enum Format: String, FieldChoice {
        /// Time, level, message, details.
        case text
        /// A JSON object a line.
        case json
        /// For systemd, which adds the time itself: the priority before the message.
        case journald
    }

    public init() {}

    @Field("The lowest level of messages to log. Without it, `info` for `serve`, and `warning` for other commands.")
    public var level: Level?
    @Field(
        "The form of log lines: `text`, one JSON object a line, or for systemd's journal, with the priority in front."
    )
    public var format: Format = .text
}
