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
        @Field("The longest `Retry-After` that the client waits for; a longer one fails the chat.")
        public var retryAfter: Duration = .seconds(120)
    }

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
        prompt alone, for servers without `response_format`. `auto`: as `json_schema`, and by the prompt alone from when \
        the server has refused that.
        """) public var responseFormat: ResponseFormat = .auto
    @Field("When to give up.") public var timeouts: Timeouts = Timeouts()
    @Field("Limits on requests and responses.") public var limits: Limits = Limits()
}
