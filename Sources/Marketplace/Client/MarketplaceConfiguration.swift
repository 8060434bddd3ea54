internal import RunnelSupport
internal import RunnelValue

/// Where the API is and how to talk to it. It is checked when it is made.
public struct MarketplaceConfiguration: Sendable {
    /// How requests prove who they come from.
    @nonexhaustive public enum Authentication: Sendable {
        /// The Marketplace's own way: a token is fetched with these and renewed in time.
        case clientCredentials(clientID: String, clientSecret: String)
        /// A fixed key, as OpenAI-compatible servers take it.
        case bearer(String)
        /// Nothing, for a local model server.
        case none
    }

    /// The server's address without a slash at its end, for example `https://market.example.com`.
    public let baseURL: String
    /// How requests prove who they come from.
    public let authentication: Authentication
    /// The agent that answers unless a request names another.
    public let agentID: String?
    /// The model unless a request names another.
    public let model: String
    /// The token end point's path below the base URL.
    public let tokenPath: String
    /// The chat end point's path below the base URL.
    public let chatPath: String
    /// What ends the stream of a whole answer.
    public let streamEnd: StreamEnd
    /// How the server's API differs from others.
    public let dialect: Dialect
    /// How long things may take.
    public let timeouts: Timeouts
    /// What is shared by all calls of one client.
    public let limits: Limits
    /// How failed calls are made again.
    public let retry: RetryPolicy

    /// Makes a configuration.
    /// - Parameters:
    ///   - baseURL: `http` or `https`, a host, perhaps a port and a path such as `/v1`.
    ///   - authentication: How the client is known there.
    ///   - agentID: Who answers where a request names nobody.
    ///   - model: The model that requests name, for servers that have several.
    ///   - tokenPath: `/api/v1/auth/external-service-token` unless the deployment has it elsewhere.
    ///   - chatPath: `/api/v1/chat/completions` with client credentials. Otherwise the OpenAI-compatible
    ///     `/chat/completions`, below `/v1` when the base URL has no path of its own.
    ///   - streamEnd: What ends the stream of a whole answer: `done` with client credentials, `either` otherwise, unless
    ///     told otherwise.
    ///   - dialect: Names and places that deployments differ in.
    ///   - timeouts: How long each part of a call may take.
    ///   - limits: What is shared by all calls of one client.
    ///   - retry: How failed calls are made again.
    /// - Throws: ``MarketplaceError`` with the code `invalid-configuration`, which quotes what cannot be used (never a
    ///   secret) and says what is expected.
    public init(
        baseURL: String,
        authentication: Authentication,
        agentID: String? = nil,
        model: String = "AGENTIC STAR",
        tokenPath: String = "/api/v1/auth/external-service-token",
        chatPath: String? = nil,
        streamEnd: StreamEnd? = nil,
        dialect: Dialect = Dialect(),
        timeouts: Timeouts = Timeouts(),
        limits: Limits = Limits(),
        retry: RetryPolicy = RetryPolicy()
    ) throws(MarketplaceError) {
        let base = try BaseURL(baseURL)
        self.baseURL = base.text
        self.authentication = authentication
        self.agentID = agentID
        self.model = model
        self.tokenPath = tokenPath
        self.dialect = dialect
        self.timeouts = timeouts
        self.limits = limits
        self.retry = retry
        switch authentication {
        case .clientCredentials:
            self.chatPath = chatPath ?? "/api/v1/chat/completions"
            self.streamEnd = streamEnd ?? .done
            if chatPath == nil { try base.rejectRepeatedPath() }
        case .bearer, .none:
            self.streamEnd = streamEnd ?? .either
            self.chatPath = chatPath ?? (base.path.isEmpty ? "/v1/chat/completions" : "/chat/completions")
        }
        try validate()
    }

    var tokenURL: String { baseURL + tokenPath }
    var chatURL: String { baseURL + chatPath }

    private func validate() throws(MarketplaceError) {
        switch authentication {
        case .clientCredentials(let id, let secret):
            try require(!id.isEmpty, "the client id is empty", "take it from the Admin panel of the deployment")
            try require(
                !secret.isEmpty, "the client secret is empty", "take it from the Admin panel of the deployment")
        case .bearer(let key):
            try require(
                !key.isEmpty, "the bearer token is empty", "give the server's API key, or use no authentication")
            try require(
                key.utf8.allSatisfy { (0x21...0x7E).contains($0) },
                "the bearer token holds a space, a line break or another character that a header cannot carry",
                "check how it was copied; a line break at the end of a file is the usual cause")
        case .none: break
        }
        for (name, path) in [("token path", tokenPath), ("chat path", chatPath)] {
            try require(
                path.hasPrefix("/") && path.utf8.allSatisfy { (0x21...0x7E).contains($0) },
                "the \(name) \(Quote.quoted(path)) cannot be used",
                "it begins with a slash and holds no space, for example \"/api/v1/chat/completions\"")
        }
        let durations: [(String, Duration)] = [
            ("connect time-out", timeouts.connect), ("idle time-out", timeouts.idle),
            ("total time-out", timeouts.total),
            ("token time-out", timeouts.token), ("retry base delay", retry.baseDelay),
            ("retry maximum delay", retry.maxDelay), ("longest Retry-After", retry.maxRetryAfter),
        ]
        for (name, duration) in durations {
            try require(
                duration > .zero && duration <= .seconds(7 * 86_400),
                "the \(name) is \(DurationText.format(duration))",
                "it must be more than nothing and at most 7 days")
        }
        let counts: [(String, Int)] = [
            ("number of attempts", retry.attempts), ("number of concurrent streams", limits.concurrentStreams),
            ("number of requests a minute", limits.requestsPerMinute ?? 1),
        ]
        for (name, count) in counts {
            try require((1...100_000).contains(count), "the \(name) is \(count)", "it must be from 1 to 100000")
        }
        for (name, bytes) in [("largest event", limits.maxEvent), ("longest answer", limits.maxAnswer)] {
            try require(
                (1024...(1 << 30)).contains(bytes), "the limit of the \(name) is \(SizeText.format(bytes))",
                "it must be from 1 KiB to 1 GiB")
        }
    }

    private func require(_ holds: Bool, _ message: String, _ hint: String) throws(MarketplaceError) {
        if !holds { throw MarketplaceError(.invalidConfiguration, message, hint: hint) }
    }
}

extension MarketplaceConfiguration.Authentication {
    /// Everything that must never be shown.
    var secrets: [String] {
        switch self {
        case .clientCredentials(_, let secret): [secret]
        case .bearer(let key): [key]
        case .none: []
        }
    }

    /// The value of the header field `Authorization`: with the access token if there is one, else with the fixed token.
    func header(_ token: AccessToken?) -> String? {
        if let token { return "Bearer \(token.value)" }
        if case .bearer(let key) = self { return "Bearer \(key)" }
        return nil
    }
}

extension MarketplaceConfiguration.Authentication: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The kind of authentication and the client id; never a secret.
    public var description: String {
        switch self {
        case .clientCredentials(let id, _): "client credentials of \(Quote.quoted(id))"
        case .bearer: "bearer token"
        case .none: "none"
        }
    }

    /// The same as ``description``.
    public var debugDescription: String { description }
    /// Shows no more than ``description``.
    public var customMirror: Mirror { Mirror(self, children: [("kind", description)]) }
}

extension MarketplaceConfiguration {
    /// How long things may take.
    public struct Timeouts: Sendable, Equatable {
        /// Until a connection stands, waiting for a free one included. 10 s.
        public var connect: Duration
        /// The idle timeout: how long nothing may be received. Heartbeats count as data. Time in which the caller does
        /// not read received data does not count. 90 s.
        public var idle: Duration
        /// The whole call with its repetitions, from the moment it may begin. 30 min.
        public var total: Duration
        /// One request for a token. 30 s.
        public var token: Duration

        /// Makes time-outs: 10 s, 90 s, 30 min and 30 s unless told otherwise.
        public init(
            connect: Duration = .seconds(10), idle: Duration = .seconds(90), total: Duration = .seconds(1800),
            token: Duration = .seconds(30)
        ) {
            self.connect = connect
            self.idle = idle
            self.total = total
            self.token = token
        }
    }

    /// What all calls of one client share.
    public struct Limits: Sendable, Equatable {
        /// How many streams may be open at one time; further calls wait for their turn. 8.
        public var concurrentStreams: Int
        /// How many chat requests may begin in any 60 seconds, repetitions included; `nil` for any number.
        public var requestsPerMinute: Int?
        /// The longest line of a stream and the largest server-sent event, in bytes. 16 MiB.
        public var maxEvent: Int
        /// The most text of one answer, reasoning included, in bytes. 64 MiB.
        public var maxAnswer: Int

        /// Makes limits: 8 streams, any number of requests, events of 16 MiB and answers of 64 MiB unless told
        /// otherwise.
        public init(
            concurrentStreams: Int = 8, requestsPerMinute: Int? = nil, maxEvent: Int = 16 << 20,
            maxAnswer: Int = 64 << 20
        ) {
            self.concurrentStreams = concurrentStreams
            self.requestsPerMinute = requestsPerMinute
            self.maxEvent = maxEvent
            self.maxAnswer = maxAnswer
        }
    }

    /// What ends the stream of a whole answer. Anything else that ends it is `stream-cut-off`.
    @nonexhaustive public enum StreamEnd: String, Sendable, CaseIterable {
        /// `[DONE]` alone, as the Marketplace API has it.
        case done
        /// A finish reason. What is already on its way behind it, such as the usage, is waited for up to a second.
        case finish
        /// `[DONE]`, or the end of the body behind a finish reason, where the body ended as HTTP has it.
        case either
    }
}
