public import RunnelKit

/// `marketplace:` in `runnel.yaml`.
public struct MarketplaceSettings: FieldGroup {
    /// How Runnel proves who it is.
    public enum Authentication: String, FieldChoice {
        case clientCredentials = "client_credentials"
        case bearer, none
    }

    /// What ends the stream of a whole answer.
    public enum StreamEnd: String, FieldChoice { case done, finish, either }

    /// How a server is told that an answer has to fit a `schema`.
    public enum ResponseFormat: String, FieldChoice {
        case auto, none
        case jsonSchema = "json_schema"
        case jsonObject = "json_object"
    }

    /// When to give up.
    public struct Timeouts: FieldGroup {
        public init() {}

        @Field("For making a connection.") public var connect: Duration = .seconds(10)
        @Field("Time limit without data on a stream; heartbeats count as data.") public var idle: Duration = .seconds(
            90)
        @Field("For one chat altogether.") public var total: Duration = .seconds(30 * 60)
        @Field("For fetching an access token.") public var token: Duration = .seconds(30)
    }

    /// Limits on requests and responses.
    public struct Limits: FieldGroup {
        public init() {}

        @Field("The maximum number of concurrent chats, over all pipelines.") public var concurrentStreams: Int = 8
        @Field("The maximum number of requests per minute, over all pipelines; default is unlimited.")
        public var requestsPerMinute: Int?
        @Field("The maximum size of a line and of an event of a stream.")
        public var maxEvent: ByteCount = .mebibytes(16)
        @Field("The maximum text of an answer, including reasoning.") public var maxAnswer: ByteCount = .mebibytes(64)
        @Field("The maximum size of the files of a chat, together.") public var maxFile: ByteCount = .mebibytes(20)
        @Field(
            """
            The types of files that are sent, such as `application/pdf` or `image/*`. The content says which type a file \
            has: PNG, JPEG, GIF, WebP, PDF, `text/plain` for UTF-8, and `application/octet-stream` for anything else.
            """)
        public var fileTypes: [String] = ["image/*", "application/pdf", "text/*"]
        @Field("The longest `Retry-After` that the client waits for; a longer one fails the chat.")
        public var retryAfter: Duration = .seconds(120)

        /// - Throws: A ``FieldError`` for a type of files that is none.
        public func validate() throws(FieldError) {
            for (index, type) in fileTypes.enumerated() {
                let parts = type.split(separator: "/", omittingEmptySubsequences: false)
                guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && !$0.contains(where: \.isWhitespace) }) else {
                    throw FieldError(
                        "expected a media type such as \"application/pdf\" or \"image/*\", found "
                            + Value.string(type).quoted(), path: [.key("file_types"), .index(index)])
                }
            }
        }

        /// Whether files of a media type are sent.
        func sends(_ mediaType: String) -> Bool {
            let main = mediaType.prefix { $0 != "/" }
            return fileTypes.contains { type in
                ["*/*", "\(main)/*", mediaType].contains(type.lowercased())
            }
        }
    }

    /// Where conversations are kept, and how long.
    public struct Conversations: FieldGroup {
        /// Who keeps what was said.
        public enum Keeper: String, FieldChoice { case server, journal }

        public init() {}

        @Field(
            """
            `server`: the server keeps what was said, and the journal only which key means which conversation. `journal`: \
            the messages are kept here and sent again, for servers without conversations. When left out: `server` with \
            `auth: client_credentials`, else `journal`.
            """) public var keptBy: Keeper?
        @Field("How long a conversation is kept after its last turn.") public var keep: Duration = .seconds(30 * 86_400)
        @Field("With `kept_by: journal`: how many turns are sent again.", in: 1...1000) public var turns: Int = 50
    }

    /// Names of keys in the body of a request; the vendor calls them conceptual.
    public struct BodyKeys: FieldGroup {
        public init() {}

        @Field("The conversation that is continued.") public var conversationID: String = "conversationId"
        @Field("For `agent_mode` of a chat.") public var agentMode: String = "agentMode"
        @Field("For `agent_level` of a chat.") public var agentLevel: String = "agentLevel"
    }

    /// Places of the API that no public document names, relative to `base_url`.
    public struct Paths: FieldGroup {
        public init() {}

        @Field(
            """
            Takes a running answer up again after its stream broke, such as \
            `GET /api/v1/chat/{conversation_id}/{message_id}`; GET unless it says otherwise.
            """) public var reconnect: String?
        @Field("Tells that an answer is wanted no more; POST unless it says otherwise.") public var cancel: String?
        @Field("Takes files before a chat names them; POST unless it says otherwise.") public var upload: String?
    }

    /// When the server is asked how many tokens a chat used.
    public enum UsageRequest: String, FieldChoice { case auto, always, never }

    public init() {}

    @Field("The base URL of the API, such as `https://your-domain`.") public var baseURL: String?
    @Field("How Runnel proves who it is.") public var auth: Authentication = .clientCredentials
    @Field("From the Admin panel; for `auth: client_credentials`.") public var clientID: String?
    @Field("From the Admin panel; for `auth: client_credentials`.") public var clientSecret: SensitiveValue?
    @Field("For `auth: bearer`.") public var token: SensitiveValue?
    @Field("The default agent of `chat` steps.") public var agentID: String?
    @Field("The model, as the API calls it.") public var model: String = "AGENTIC STAR"
    @Field("The path of chat requests, relative to `base_url`; default is the usual one.") public var chatPath: String?
    @Field("The path of token requests, relative to `base_url`; default is the usual one.")
    public var tokenPath: String?
    @Field(
        """
        What ends the stream of a whole answer; any other end is `stream-cut-off`. `done`: the line `[DONE]`. `finish`: \
        a finish reason. `either`: `[DONE]`, or a finish reason and the regular end of the body. When left out: `done` \
        with `auth: client_credentials`, else `either`.
        """) public var streamEnd: StreamEnd?
    @Field(
        """
        How the server is told that an answer has to fit the `schema` of a chat. `json_schema`: by `response_format` with \
        the schema. `json_object`: by `response_format` for any JSON object, and the schema in the prompt. `none`: by the \
        prompt alone, for servers without `response_format`. `auto`: as `json_schema`, and by the prompt alone where \
        the server refuses that; for all chats of a model, if it says that it does not know `response_format`.
        """) public var responseFormat: ResponseFormat = .auto
    @Field(
        """
        When `stream_options.include_usage` is sent. `auto`: until the server refuses a request of the model because of \
        it; as long as it has taken none of that model, a request that it refuses with 400 or 422 is made once more \
        without.
        """) public var usage: UsageRequest = .auto
    @Field("Where conversations are kept, and how long.") public var conversations: Conversations = Conversations()
    @Field("Names of keys in the body of a request.") public var bodyKeys: BodyKeys = BodyKeys()
    @Field("Further members of the body of every request, as they are.") public var body: [String: Value] = [:]
    @Field("Places of the API that no public document names.") public var paths: Paths = Paths()
    @Field("A limit on what all chats use together.") public var budget: BudgetLimit?
    @Field("Limits on what the chats of one pipeline use, by its name.")
    public var pipelineBudgets: [String: BudgetLimit] = [:]
    @Field("When to give up.") public var timeouts: Timeouts = Timeouts()
    @Field("Limits on requests and responses.") public var limits: Limits = Limits()
}

extension MarketplaceSettings {
    /// Who keeps what was said in a conversation.
    var keepsConversations: Conversations.Keeper {
        conversations.keptBy ?? (auth == .clientCredentials ? .server : .journal)
    }

    /// The settings where a stand-in answers in the place of the server.
    var forStandIn: MarketplaceSettings {
        var settings = MarketplaceSettings()
        settings.conversations.keep = conversations.keep
        settings.conversations.turns = conversations.turns
        settings.limits.maxFile = limits.maxFile
        settings.limits.fileTypes = limits.fileTypes
        settings.responseFormat = responseFormat
        return settings
    }

    /// - Throws: A ``FieldError`` for members of the body that Runnel itself writes.
    public func validate() throws(FieldError) {
        try BodyFields.check(body, path: [.key("body")])
    }
}

/// Members of a request's body that Runnel passes through.
enum BodyFields {
    private static let own: [(key: String, instead: String)] = [
        ("messages", "`messages` of the chat"), ("stream", "nothing: the answer is always streamed"),
    ]

    static func check(_ fields: [String: Value], path: [FieldError.PathElement]) throws(FieldError) {
        for (key, instead) in own where fields[key] != nil {
            throw FieldError("the key \"\(key)\" cannot be set here", hint: "use \(instead)", path: path + [.key(key)])
        }
    }
}
