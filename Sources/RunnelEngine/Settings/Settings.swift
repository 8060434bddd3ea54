public import RunnelKit
package import RunnelSupport

/// What `runnel.yaml` says beside the sections of plugins, together with the environment variables that win over it.
///
/// Every setting has a variable: its path in upper case after `RUNNEL_`, so `log.level` is `RUNNEL_LOG_LEVEL`.
package struct Settings: FieldGroup {
    package init() {}

    @Field("Values for `{{ secrets.NAME }}`, each from an environment variable, a file or a command.")
    package var secrets: [String: SensitiveValue] = [:]
    @Field("Names of environment variables that templates can read as `{{ env.NAME }}`.")
    package var env: [String] = []
    @Field("Values for `{{ vars.NAME }}`, of any type, for all pipelines of the project.")
    package var vars: [String: Value] = [:]
    @Field(
        "Settings by the name of a profile; those of the profile chosen with `--profile` are merged over the rest, key by key."
    )
    package var profiles: [String: Value] = [:]
    @Field("Logging.") package var log: LogSettings = LogSettings()
    @Field("Export of traces to OpenTelemetry.") package var traces: TraceSettings = TraceSettings()
    @Field("Export of the metrics of `runnel serve` to OpenTelemetry.")
    package var metrics: MetricsSettings = MetricsSettings()
    @Field("Where runs are kept, and for how long.") package var journal: JournalSettings = JournalSettings()
    @Field("Retention of dedupe keys.") package var dedupe: DedupeSettings = DedupeSettings()
    @Field("Retention of deliveries to hooks.") package var deliveries: DeliverySettings = DeliverySettings()
    @Field("Execution of runs.") package var runs: RunSettings = RunSettings()
    @Field("Settings of plugins, by the plugin's name.") package var plugins: [String: Value] = [:]
    @Field("The server of `runnel serve`.") package var server: ServerSettings = ServerSettings()
    @Field("Access of pipelines to files of the project.") package var files: FileSettings = FileSettings()
    @Field("Prices of agents and models, by agent id or model, for `runnel usage` and budgets.")
    package var prices: PriceTable = PriceTable()
}

/// `files:` in `runnel.yaml`.
package struct FileSettings: FieldGroup {
    /// A path below the project's folder.
    package struct Place: FieldValue {
        package let text: String

        package static var schema: Value { ["type": "string", "minLength": 1] }

        package init(field value: Value) throws(FieldError) {
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

        package var fieldDefault: Value? { .string(text) }
    }

    package init() {}

    @Field(
        "Files and folders in protected places that pipelines may access, such as `plugins/weather/data`."
    )
    package var allow: [Place] = []
    @Field(
        """
        Symbolic links to folders, such as `inbox`, that pipelines may follow, also where they lead out of the project. \
        All other links are refused.
        """)
    package var links: [Place] = []
}

/// `server:` in `runnel.yaml`.
package struct ServerSettings: FieldGroup {
    package init() {}

    @Field("The address to listen on. Other interfaces than loopback need a token.") package var host: String =
        "127.0.0.1"
    @Field("The port to listen on; 0 selects a free one.", in: 0...65_535) package var port: Int = 8790
    @Field(
        "The API token: `Authorization: Bearer …`. It may do everything. Without one, `runnel serve` makes one in `.runnel/api-token`."
    )
    package var token: SensitiveValue?
    @Field("Further API tokens, by the name that the audit log shows.")
    package var tokens: [String: APITokenSettings] = [:]
    @Field("The URL at which callers reach the server: for signatures over URLs, and for links.")
    package var publicURL: PublicURLText?
    @Field("The addresses of trusted proxies, whose forwarding header fields name the caller, such as `10.0.0.0/8`.")
    package var trustedProxies: [ProxyAddresses] = []
    @Field("Which header field of trusted proxies counts: the other is read where this one is missing.")
    package var proxyHeader: ProxyHeader = .xForwardedFor
    @Field(
        "Signs people in to the dashboard whom a proxy of `trusted_proxies` has signed in, such as by OpenID Connect.")
    package var signIn: ProxySignInSettings?
    @Field("HTTPS, with a certificate and its key.") package var tls: CertificateSettings?

    package func validate() throws(FieldError) {
        guard signIn == nil || !trustedProxies.isEmpty else {
            throw FieldError(
                "it counts only in requests of `trusted_proxies`, and there are none",
                hint: "name the addresses of the proxy: `trusted_proxies: [127.0.0.1]`", path: [.key("sign_in")])
        }
    }

    /// What is allowed and probably not what is meant, with paths in `runnel.yaml`.
    package var doubts: [FieldError] {
        var doubts: [FieldError] = []
        if let signIn, signIn.secret == nil,
            trustedProxies.contains(where: { AddressRange.loopback.contains(where: $0.range.overlaps) })
        {
            doubts.append(
                FieldError(
                    "`server.sign_in` has no `secret`, and `trusted_proxies` has an address of this machine: every user "
                        + "and program of the machine can sign in to the dashboard as anybody",
                    hint: "set `secret: { env: RUNNEL_PROXY_SECRET }`, and let the proxy send the value in the header "
                        + "field `X-Runnel-Proxy-Secret`",
                    path: [.key("server"), .key("sign_in")]))
        }
        if let path = publicURL?.path {
            doubts.append(
                FieldError(
                    "`server.public_url` has the path \(Value.string(path).quoted()): the dashboard cannot be there, "
                        + "because its links, pages and cookies are at the root of the host",
                    hint: "give Runnel a host of its own, such as \"https://runnel.example.org\"; hooks and the REST "
                        + "API alone can be below a path that a proxy removes",
                    path: [.key("server"), .key("public_url")]))
        }
        return doubts
    }
}

/// `server.proxy_header`.
package enum ProxyHeader: String, FieldChoice {
    case xForwardedFor = "x-forwarded-for"
    case forwarded
}

/// `server.tls:` in `runnel.yaml`.
package struct CertificateSettings: FieldGroup {
    package init() {}

    @Field("A PEM file with the certificate and those that lead from it to a root. It is read again when it changes.")
    package var certificate: SettingsFile
    @Field("A PEM file with the private key.") package var key: SettingsFile
}

/// `server.public_url`: scheme, host, and possibly port and path.
package struct PublicURLText: FieldValue, Hashable {
    package let text: String

    package static var schema: Value { ["type": "string", "pattern": #"^https?://[^/?#@\s]+(/[^?#\s]*)?$"#] }

    package init(field value: Value) throws(FieldError) {
        let text = try String(field: value)
        let rest = ["https://", "http://"].first(where: text.lowercased().hasPrefix).map { text.dropFirst($0.count) }
        func problem(_ hint: String) -> FieldError {
            FieldError(
                "\(Value.string(URLCredentials.masked(text)).quoted()) is not the URL of a server", hint: hint)
        }
        guard let rest, let first = rest.first, !"/?#".contains(first), !rest.contains(where: \.isWhitespace) else {
            throw problem("write scheme and host: \"https://hooks.example.org\"")
        }
        guard !rest.contains(where: { "?#@".contains($0) }) else {
            throw problem("leave out what stands before \"@\", and behind \"?\" or \"#\"")
        }
        self.text = text
    }

    package var fieldDefault: Value? { .string(text) }

    /// The path, beginning with a slash; nil for the root of the host.
    var path: String? {
        let path = text.drop { $0 != ":" }.dropFirst(3).drop { $0 != "/" }
        return path.allSatisfy { $0 == "/" } ? nil : String(path)
    }
}

/// An entry of `server.trusted_proxies`.
package struct ProxyAddresses: FieldValue, Hashable {
    package let range: AddressRange
    private let text: String

    package static var schema: Value { ["type": "string", "minLength": 1, "examples": ["127.0.0.1", "10.0.0.0/8"]] }

    package init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard let range = AddressRange(text) else {
            throw FieldError(
                "\(value.quoted()) is not an address",
                hint: "write an IP address or a range of them: \"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"")
        }
        self.range = range
    }

    package var fieldDefault: Value? { .string(text) }
}

/// `journal:` in `runnel.yaml`.
package struct JournalSettings: FieldGroup {
    package init() {}

    /// A text in its place is taken for the database, and not quoted: it may hold a password.
    package init(field value: Value) throws(FieldError) {
        guard value.asString == nil else {
            throw FieldError(
                "expected a mapping, found a string",
                hint: "write `journal: { url: \"postgres://user@host/database\" }`")
        }
        guard let object = value.asObject else { throw .expected("a mapping", found: value) }
        try self.init(fields: object)
    }

    @Field("How long ended runs are kept.") package var keep: Duration = .seconds(30 * 86_400)
    @Field("The number of ended runs kept of each pipeline.", in: 0...) package var keepRuns: Int = 10_000
    @Field(
        """
        How large the journal may become on disk, the files of large values included. Beyond that the oldest runs that \
        have ended go.
        """)
    package var keepBytes: ByteCount = .mebibytes(4096)
    @Field("How long it is kept what calls of models have used, and how many runs ended in each hour.") package
        var keepUsage: Duration = .seconds(
            400 * 86_400)
    @Field(
        """
        The database of PostgreSQL that several machines share: `postgres://user@host/database`. What it leaves out comes \
        from the variables `PGHOST`, `PGUSER` and so on. Without it, the journal is a file of SQLite in `.runnel`.
        """)
    package var url: DatabaseURL?
    @Field("The password for `url`.") package var password: SensitiveValue?
    @Field("The schema of the database that holds the tables of the journal.") package var schema: SchemaName =
        SchemaName("runnel")
    @Field(
        """
        Whether workers wake each other at once (LISTEN and NOTIFY), or look for work every second. `auto` notices a proxy \
        such as PgBouncer, behind which they cannot.
        """)
    package var notify: JournalNotifications = .auto
    @Field("The maximum number of connections to the database of one process.", in: 3...32) package var pool: Int = 6
    @Field(
        """
        The name of this machine, by which runs about its files find it again; its host name unless given. Set it where \
        host names change at each start, as those of containers do.
        """)
    package var machine: String?
}

/// `journal.notify`.
public enum JournalNotifications: String, FieldChoice { case auto, on, off }

/// `journal.url`: where a database is. It may hold a password, so no message quotes it.
public struct DatabaseURL: FieldValue, Hashable {
    /// The URL, with its password.
    public let text: String

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        ["type": "string", "pattern": #"^postgres(ql)?://"#, "examples": ["postgres://runnel@db.example.org/runnel"]]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else {
            throw FieldError(
                "expected the URL of a database of PostgreSQL", hint: "write \"postgres://user@host/database\"")
        }
    }

    /// The password that the URL holds, as it is written.
    public var password: String? { URLCredentials.password(in: text) }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(text) }
}

/// `journal.schema`: a plain name.
package struct SchemaName: FieldValue, Hashable {
    package let text: String

    package static var schema: Value { ["type": "string", "pattern": "^[a-z_][a-z0-9_]{0,39}$"] }

    /// - Parameter text: A valid name.
    init(_ text: String) {
        self.text = text
    }

    package init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard let first = text.utf8.first, text.utf8.count <= 40, !(0x30...0x39).contains(first),
            text.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        else {
            throw FieldError(
                "\(value.quoted()) is not a name of a schema",
                hint: "use up to 40 lower-case letters, digits and `_`, such as \"runnel\"")
        }
    }

    package var fieldDefault: Value? { .string(text) }
}

/// `dedupe:` in `runnel.yaml`.
package struct DedupeSettings: FieldGroup {
    package init() {}

    @Field(
        """
        How long after the end of its run an event is still recognised when it is delivered again, also when the run \
        itself is not kept any more.
        """)
    package var keep: Duration = .seconds(30 * 86_400)
}

/// `deliveries:` in `runnel.yaml`.
package struct DeliverySettings: FieldGroup {
    package init() {}

    @Field("How long deliveries to hooks are kept, with their header fields and bodies.")
    package var keep: Duration = .seconds(7 * 86_400)
    @Field(
        """
        How many bytes of deliveries are kept. Beyond that the oldest go. Refused ones take at most a quarter. With `0B` \
        none are kept.
        """)
    package var bytes: ByteCount = .mebibytes(256)

    /// Whether any are kept.
    package var areKept: Bool { bytes.bytes > 0 && keep > .zero }
}

extension Settings {
    /// The retention from `journal`, `dedupe` and `deliveries`.
    package var retention: Retention {
        Retention(
            age: journal.keep, count: journal.keepRuns, bytes: Int64(journal.keepBytes.bytes), dedupe: dedupe.keep,
            usage: journal.keepUsage, deliveryAge: deliveries.keep, deliveryBytes: Int64(deliveries.bytes.bytes))
    }
}

/// `runs:` in `runnel.yaml`.
package struct RunSettings: FieldGroup {
    package init() {}

    @Field("The maximum number of concurrent runs in one process.") package var limit: PositiveCount = PositiveCount(16)
    @Field("The maximum number of concurrent runs of all processes and machines that share the journal.")
    package var total: PositiveCount?
    @Field("The maximum number of queued runs; further trigger events are rejected until there is room.")
    package var maxQueued: PositiveCount = PositiveCount(1000)
    @Field(
        """
        The maximum size of what the queued runs of one pipeline were started with, such as the bodies of a webhook; \
        further trigger events of it are rejected until there is room.
        """
    )
    package var maxQueuedBytes: ByteCount = .mebibytes(256)
    @Field(
        "The maximum number of worker deaths without progress of a run, before the run is tried alone and then fails."
    )
    package var deaths: PositiveCount = PositiveCount(3)
    @Field(
        """
        The maximum number of runs that start each other: by the trigger `run`, by files that one writes and another \
        watches, or by webhooks. What would start one more is refused, which the log and `runnel status` say.
        """)
    package var chain: PositiveCount = PositiveCount(8)
    @Field("The grace period of running steps when Runnel stops.") package var grace: Duration = .seconds(10)
}

/// `log:` in `runnel.yaml`.
package struct LogSettings: FieldGroup {
    package enum Level: String, FieldChoice { case debug, info, warning, error }

    /// The form of the lines.
    package enum Format: String, FieldChoice {
        /// Time, level, message, details.
        case text
        /// A JSON object a line.
        case json
        /// For systemd, which adds the time itself: the priority before the message.
        case journald
    }

    package init() {}

    @Field("The lowest level of messages to log. Without it, `info` for `serve`, and `warning` for other commands.")
    package var level: Level?
    @Field(
        "The form of log lines: `text`, one JSON object a line, or for systemd's journal, with the priority in front."
    )
    package var format: Format = .text
}
